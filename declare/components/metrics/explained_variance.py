"""`explained_variance`: the share of variance that is explained, a constant error left out."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.metric import Metric
from declare.contract.task import Target


class ExplainedVariance(Metric):
    """1 - Var(error) / Var(target): as `r2`, but an error that is the same everywhere costs nothing.

    Takes values [N] or [N, width], averaged over outputs; missing targets do not count. Outputs whose target is
    constant in the evaluation are left out; null where that leaves none. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [explained_variance]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset({"values"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (None, 1.0)

    multioutput: Literal["uniform_average", "variance_weighted"] = Param(
        "uniform_average",
        description="the mean over outputs, or over outputs by the variance of their target",
    )

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.figure import Figure
        from declare.nn.metrics.moments import (
            Moments,
            each_output,
            explained_variance,
            weighted_explained_variance,
        )

        weighted = self.multioutput == "variance_weighted"
        return Figure(Moments(), each_output(weighted_explained_variance if weighted else explained_variance))
