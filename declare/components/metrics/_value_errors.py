"""What metrics of errors of single values share: a mean over all values of all outputs."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class ValueErrorMetric(Metric):
    """A mean cost of values [N] or [N, width]; 0 is best."""

    takes: ClassVar[frozenset[Prediction]] = frozenset({"values"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    def costs(self) -> tuple[Callable[..., Any], ...]:
        """Return the function of `nn.metrics.moments` for the cost of a value, and one for its weight if any."""
        raise NotImplementedError

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.metric import Figure
        from declare.nn.metrics.regression import ElementSums, mean_cost

        return Figure(ElementSums(*self.costs()), mean_cost)
