"""`explained_variance`: the fraction of variance explained, apart from a constant error."""

from typing import ClassVar, Literal

from pydantic import Field as Param

from declare.components.metrics._formulas import Formula, OutputMomentsMetric


class ExplainedVariance(OutputMomentsMetric):
    """1 - Var(error) / Var(target): like `r2`, but a constant error does not lower it.

    Takes values [N] or [N, width], averaged over outputs; missing targets are ignored. Outputs with a
    constant target in the evaluation are left out; null if none remain. Source: any textbook.

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
        description="mean over outputs, or over outputs weighted by the variance of their target",
    )

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.regression import explained_variance, weighted_explained_variance

        weighted = self.multioutput == "variance_weighted"
        return weighted_explained_variance if weighted else explained_variance
