"""`classification`: one class of several for each sample."""

from typing import ClassVar

from declare.components.tasks._classes import OneClassTask, no_classes
from declare.contract.facts import FieldFacts
from declare.contract.kinds.task import Target, TaskAdapter
from declare.contract.prediction import Prediction
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape


class Classification(OneClassTask):
    """Predicts one class for each sample.

    The target is a `category` (or `id`) field, indices [B] with -1 if the label is missing: such samples are
    ignored by loss and metrics. The head gives logits [B, classes]; softmax is applied only for metrics and
    predictions. The number of classes is inferred from the data.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = (
        "binary",
        "classifier",
        "classify",
        "multiclass",
        "category",
        "image_classification",
        "text_classification",
        "sequence_classification",
    )

    targets: ClassVar[tuple[Layout, ...]] = ("category", "id")
    prediction: ClassVar[Prediction] = "class_logits"
    default_loss: ClassVar[str] = "cross_entropy"
    default_metrics: ClassVar[tuple[str, ...]] = ("accuracy", "f1")

    def output(self, facts: FieldFacts) -> Shape | Problem:
        """Return one logit for each class."""
        return Shape("vector", (len(facts.classes),)) if facts.classes else no_classes(self)

    def build(self, target: Target) -> TaskAdapter:
        """Return the adapter."""
        from declare.nn.tasks.classification import Classification as Real

        return Real(target=self.target or "", mask=self.mask, may_miss=target.may_miss, counts=target.counts)
