"""What metrics of pairs of embeddings share."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class EmbeddingMetric(Metric):
    """A figure of all embeddings of an evaluation."""

    takes: ClassVar[frozenset[Prediction]] = frozenset({"embedding"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def figure(self) -> Callable[..., Any]:
        """Return the function of `nn.metrics.embeddings`."""
        raise NotImplementedError

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.embeddings import Embeddings
        from declare.nn.metrics.metric import Figure

        return Figure(Embeddings(), self.figure())
