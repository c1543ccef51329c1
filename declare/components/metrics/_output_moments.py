"""What metrics of means, variances and correlations share: a figure of each output, averaged over outputs."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class OutputMomentsMetric(Metric):
    """A figure of the moments of predictions and targets of each output [N] or [N, width]."""

    takes: ClassVar[frozenset[Prediction]] = frozenset({"values"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def figure(self) -> Callable[..., Any]:
        """Return the function of `nn.metrics.moments`."""
        raise NotImplementedError

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.metric import Figure
        from declare.nn.metrics.regression import Moments, each_output

        return Figure(Moments(), each_output(self.figure()))
