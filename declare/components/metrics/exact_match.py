"""`exact_match`: the share of texts that are right from end to end."""

from typing import Any, ClassVar, Literal

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class ExactMatch(Metric):
    """Share of texts all of whose tokens are the likeliest ones, the end included.

    On labels it is the share of samples all of whose labels are right; a sample with an unknown label is left out.

    Each token is judged given the true ones before it. Where all are right so is what greedy writing gives, and the
    other way round: for whole texts the figure is that of free writing. Source: Rajpurkar et al. 2016.

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
        """Return the real metric."""
        from declare.nn.metrics.metric import Figure

        if target.prediction == "label_logits":
            from declare.nn.metrics.classification import LabelMatches, share

            return Figure(LabelMatches(), share)
        from declare.nn.metrics.tokens import TokenSums, exact_match

        return Figure(TokenSums(), exact_match)
