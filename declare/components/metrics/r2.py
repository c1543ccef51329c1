"""`r2`: the share of variance that is explained."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class R2(Metric):
    """Share of the target's variance that is explained: 1 is perfect, 0 is as good as the mean.

    Takes values [N] or [N, width], averaged over outputs; missing targets do not count.
    Not defined (null) where the target is constant in the evaluation. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [r2]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset({"reconstruction", "values"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (None, 1.0)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.figure import Figure
        from declare.nn.metrics.moments import Moments, each_output, explained

        return Figure(Moments(), each_output(explained))
