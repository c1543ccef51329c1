"""`pearson`: the correlation of predicted and true values."""

from collections.abc import Callable
from typing import Any, ClassVar

from declare.components.metrics._output_moments import OutputMomentsMetric


class Pearson(OutputMomentsMetric):
    """Pearson's correlation of predicted and true values.

    Takes values [N] or [N, width], averaged over outputs; missing targets do not count.
    Not defined (null) where one side is constant. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [pearson]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = (
        "pearsonr",
        "pearson_r",
        "PearsonCorrCoef",
        "pcc",
        "corr",
        "correlation_coefficient",
    )
    needs_varied_targets: ClassVar[bool] = True

    def figure(self) -> Callable[..., Any]:
        """Return the figure of an output."""
        from declare.nn.metrics.regression import correlation

        return correlation
