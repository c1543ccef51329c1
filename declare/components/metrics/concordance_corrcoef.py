"""`concordance_corrcoef`: agreement of predicted and true values."""

from collections.abc import Callable
from typing import Any, ClassVar

from declare.components.metrics._output_moments import OutputMomentsMetric


class ConcordanceCorrcoef(OutputMomentsMetric):
    """Lin's concordance: the correlation, less where means or spreads differ; 1 is perfect.

    Takes values [N] or [N, width], averaged over outputs; missing targets do not count. Moments are divided by N. Not
    defined (null) where all values are the same. Source: Lin 1989.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [concordance_corrcoef]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("ccc",)

    def figure(self) -> Callable[..., Any]:
        """Return the figure of an output."""
        from declare.nn.metrics.regression import concordance

        return concordance
