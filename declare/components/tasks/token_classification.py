"""`token_classification`: a class for each word of a text."""

from typing import ClassVar

from declare.components.tasks._classes import OneClassTask, no_classes
from declare.contract.facts import FieldFacts
from declare.contract.kinds.task import Target, TaskAdapter
from declare.contract.prediction import Prediction
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape


class TokenClassification(OneClassTask):
    """Predicts a class for each word of a text.

    The target is a `tags` field, class indices [B, length] at the first token of each word and -1 elsewhere,
    which loss and metrics ignore. The head gives logits [B, length, classes]. Metrics are computed over all
    words, as over samples.

    ```yaml
    tasks:
      entity: {type: token_classification, dataset: news, target: entity}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("ner", "sequence_labeling", "tagging", "token_cls")

    targets: ClassVar[tuple[Layout, ...]] = ("tags",)
    prediction: ClassVar[Prediction] = "class_logits"
    feeds: ClassVar[tuple[Layout, ...]] = ("sequence",)
    may_miss_parts: ClassVar[bool] = True
    default_loss: ClassVar[str] = "cross_entropy"
    default_metrics: ClassVar[tuple[str, ...]] = ("accuracy", "f1")

    def output(self, facts: FieldFacts) -> Shape | Problem:
        """Return one logit for each class at each position."""
        return Shape("sequence", (None, len(facts.classes))) if facts.classes else no_classes(self)

    def build(self, target: Target) -> TaskAdapter:
        """Return the adapter."""
        from declare.nn.tasks.token_classification import TokenClassification as Real

        return Real(target=self.target or "", mask=self.mask, counts=target.counts)
