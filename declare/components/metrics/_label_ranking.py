"""What metrics that rank the labels of a sample share."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class LabelRankingMetric(Metric):
    """A mean over samples of how their labels are ranked by logits [N, labels]."""

    takes: ClassVar[frozenset[Prediction]] = frozenset({"label_logits"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def figure(self) -> Callable[..., Any]:
        """Return the function of `nn.metrics.label_ranking`."""
        raise NotImplementedError

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.label_ranking import LabelRanks
        from declare.nn.metrics.metric import Figure

        return Figure(LabelRanks(), self.figure())
