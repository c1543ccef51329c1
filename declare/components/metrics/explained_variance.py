"""`explained_variance`: the share of variance that is explained, a constant error left out."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.components.metrics._output_moments import OutputMomentsMetric


class ExplainedVariance(OutputMomentsMetric):
    """1 - Var(error) / Var(target): as `r2`, but an error that is the same everywhere costs nothing.

    Takes values [N] or [N, width], averaged over outputs; missing targets do not count. Outputs whose target is
    constant in the evaluation are left out; null where that leaves none. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [explained_variance]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("evs", "ev")

    bounds: ClassVar[tuple[float | None, float | None]] = (None, 1.0)
    needs_varied_targets: ClassVar[bool] = True

    multioutput: Literal["uniform_average", "variance_weighted"] = Param(
        "uniform_average",
        description="the mean over outputs, or over outputs by the variance of their target",
    )

    def figure(self) -> Callable[..., Any]:
        """Return the figure of an output."""
        from declare.nn.metrics.regression import explained_variance, weighted_explained_variance

        return weighted_explained_variance if self.multioutput == "variance_weighted" else explained_variance
