"""`multilabel`: any number of labels for each sample."""

from collections.abc import Mapping
from typing import ClassVar

from declare.components.tasks._classes import ClassTask, no_classes
from declare.contract.facts import FieldFacts
from declare.contract.kinds.task import Target, TaskAdapter
from declare.contract.prediction import Prediction
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape


class Multilabel(ClassTask):
    """Predicts for each of several labels whether a sample has it.

    The target is a `labels` field, 0 or 1 [B, labels] with NaN if unknown: such entries are ignored by loss
    and metrics. The head gives logits [B, labels]; the sigmoid is applied only for metrics and predictions.

    ```yaml
    tasks:
      findings: {type: multilabel, dataset: scans, target: findings}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("multilabel_classification", "set")

    targets: ClassVar[tuple[Layout, ...]] = ("labels",)
    prediction: ClassVar[Prediction] = "label_logits"
    may_miss_parts: ClassVar[bool] = True
    default_loss: ClassVar[str] = "bce"
    default_metrics: ClassVar[tuple[str, ...]] = ("f1", "average_precision")

    def output(self, facts: FieldFacts) -> Shape | Problem:
        """Return one logit for each label."""
        return Shape("vector", (len(facts.classes),)) if facts.classes else no_classes(self)

    def link(self, facts: Mapping[str, FieldFacts]) -> Target | Problem:
        """Return the target with its labels and how often each applies in the training splits."""
        target = super().link(facts)
        if isinstance(target, Problem):
            return target
        return target.model_copy(update={"rates": self._rates(facts)})

    def _rates(self, facts: Mapping[str, FieldFacts]) -> tuple[float, ...] | None:
        """Return the fraction of valid targets with each label, averaged over datasets."""
        known = [item.extra.get("rates", {}) for item in facts.values()]
        rates = [item.get(self.mask or "") or item.get("") for item in known]
        if not all(rates):
            return None
        return tuple(sum(column) / len(rates) for column in zip(*rates, strict=True))

    def build(self, target: Target) -> TaskAdapter:
        """Return the adapter."""
        from declare.nn.tasks.multilabel import Multilabel as Real

        return Real(target=self.target or "", mask=self.mask, rates=target.rates)
