"""`token_accuracy`: the fraction of correct tokens."""

from typing import ClassVar

from declare.components.metrics._formulas import Formula, TokenMetric


class TokenAccuracy(TokenMetric):
    """Fraction of target tokens that are the most likely ones; padding is ignored.

    Each token is predicted given the true tokens before it. Source: any textbook.

    ```yaml
    tasks:
      reverse: {type: seq2seq, dataset: pairs, target: target, metrics: [token_accuracy]}
    ```
    """

    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def formula(self) -> Formula:
        """Return the metric from the sums."""
        from declare.nn.metrics.tokens import token_accuracy

        return token_accuracy
