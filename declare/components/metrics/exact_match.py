"""`exact_match`: the fraction of texts that are predicted without an error."""

from typing import Any, ClassVar, Literal

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class ExactMatch(Metric):
    """Fraction of texts in which every token, including the end token, is the most likely one.

    On labels it is the fraction of samples whose labels are all correct; a sample with an unknown label is
    left out.

    Each token is predicted given the true tokens before it. If all are correct, greedy generation gives the
    same text, so the value is also that of greedy generation. Source: Rajpurkar et al. 2016.

    ```yaml
    tasks:
      reverse: {type: seq2seq, dataset: pairs, target: target, metrics: [exact_match]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("subset_accuracy", "em")

    takes: ClassVar[frozenset[Prediction]] = frozenset({"token_logits", "label_logits"})
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.metric import AccumulatedMetric

        if target.prediction == "label_logits":
            from declare.nn.metrics.classification import LabelMatches, share

            return AccumulatedMetric(LabelMatches(), share)
        from declare.nn.metrics.tokens import TokenSums, exact_match

        return AccumulatedMetric(TokenSums(), exact_match)
