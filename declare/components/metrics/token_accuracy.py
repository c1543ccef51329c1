"""`token_accuracy`: the share of right tokens."""

from typing import ClassVar

from declare.components.metrics._formulas import TokenMetric


class TokenAccuracy(TokenMetric):
    """Share of tokens that are the likeliest ones; padding does not count.

    Each token is judged given the true ones before it. Source: any textbook.

    ```yaml
    tasks:
      reverse: {type: seq2seq, dataset: pairs, target: target, metrics: [token_accuracy]}
    ```
    """

    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    formula: ClassVar[str] = "token_accuracy"
