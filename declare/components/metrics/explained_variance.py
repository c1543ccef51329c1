"""`explained_variance`: the share of variance that is explained, a constant error left out."""

from typing import ClassVar, Literal

from pydantic import Field as Param

from declare.components.metrics._formulas import OutputMomentsMetric
from declare.contract.kinds.task import Target


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

    def formula_for(self, target: Target) -> str:
        """Return the name of the function for the parameters and a target."""
        weighted = self.multioutput == "variance_weighted"
        return "weighted_explained_variance" if weighted else "explained_variance"
