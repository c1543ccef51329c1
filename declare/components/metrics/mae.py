"""`mae`: the mean absolute error."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class Mae(Metric):
    """Mean absolute error.

    Takes values [N] or [N, width] in the target's own units; missing targets do not count.
    On an ordinal task it is counted in class steps from the median class. Source: any textbook.

    ```yaml
    tasks:
      age: {type: regression, dataset: people, target: age, metrics: [mae]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset({"ordinal_logits", "values"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.figure import Figure

        if target.prediction == "ordinal_logits":
            from declare.nn.metrics.agreement import Confusion, mean_steps

            return Figure(Confusion(len(target.classes or ()), ordered=True), mean_steps)
        from declare.nn.metrics.moments import Moments, mean_absolute

        return Figure(Moments(target.mean[0] if target.mean else 0.0), mean_absolute)
