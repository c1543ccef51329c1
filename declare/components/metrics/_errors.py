"""What metrics of errors share: sums over values, or over steps between ordered classes."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class ErrorMetric(Metric):
    """An error of values in the target's own units, or of ordered classes in class steps."""

    takes: ClassVar[frozenset[Prediction]] = frozenset({"ordinal_logits", "values"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    def of_values(self) -> Callable[..., Any]:
        """Return the function of `nn.metrics.moments`."""
        raise NotImplementedError

    def of_steps(self) -> Callable[..., Any]:
        """Return the function of `nn.metrics.agreement`."""
        raise NotImplementedError

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.metric import Figure

        if target.prediction == "ordinal_logits":
            from declare.nn.metrics.classification import Confusion

            return Figure(Confusion(len(target.classes or ()), ordered=True), self.of_steps())
        from declare.nn.metrics.regression import Moments

        return Figure(Moments(), self.of_values())
