"""`token_accuracy`: the share of right tokens."""

from typing import Any, ClassVar, Literal

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class TokenAccuracy(Metric):
    """Share of tokens that are the likeliest ones; padding does not count.

    Each token is judged given the true ones before it. Source: any textbook.

    ```yaml
    tasks:
      reverse: {type: seq2seq, dataset: pairs, target: target, metrics: [token_accuracy]}
    ```
    """

    takes: ClassVar[frozenset[Prediction]] = frozenset({"token_logits"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.metric import Figure
        from declare.nn.metrics.tokens import TokenSums, token_accuracy

        return Figure(TokenSums(), token_accuracy)
