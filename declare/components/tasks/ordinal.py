"""`ordinal`: one of several ordered classes for each sample, such as pain levels."""

from typing import ClassVar

from declare.components.tasks._classes import OneClassTask, no_classes
from declare.contract.facts import FieldFacts
from declare.contract.kinds.task import Target, TaskAdapter
from declare.contract.prediction import Prediction
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape


class Ordinal(OneClassTask):
    """Predicts one of several ordered classes (in the order of the field's `classes`).

    Names without a known order (`low`, `mid`, `high`) need `classes`; numbers, single letters and names with one
    number (`stage 1`, `stage 2`) are in the order of these.

    The target is a `category` field, indices [B] with -1 if the label is missing. The head gives logits [B,
    classes - 1]: the sigmoid of logit k is the probability of passing class k, given that all classes before
    were passed, so that class probabilities respect the order. The predicted class is the median class, which
    minimises the expected distance. Source: CORN, Shi, Cao and Raschka 2021,
    https://arxiv.org/abs/2111.08851.

    ```yaml
    tasks:
      pain: {type: ordinal, dataset: lab, target: pain_level, metrics: [accuracy, mae, qwk]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("ordinal_regression",)

    targets: ClassVar[tuple[Layout, ...]] = ("category",)
    prediction: ClassVar[Prediction] = "ordinal_logits"
    needs_class_order: ClassVar[bool] = True
    default_loss: ClassVar[str] = "ordinal"
    default_metrics: ClassVar[tuple[str, ...]] = ("accuracy", "mae", "qwk")

    def output(self, facts: FieldFacts) -> Shape | Problem:
        """Return one logit for each step between classes."""
        # One class alone is reported by its own rule; a head of one logit keeps the shapes going until then.
        return Shape("vector", (max(len(facts.classes) - 1, 1),)) if facts.classes else no_classes(self)

    def build(self, target: Target) -> TaskAdapter:
        """Return the adapter."""
        from declare.nn.tasks.ordinal import Ordinal as Real

        return Real(target=self.target or "", mask=self.mask, may_miss=target.may_miss, counts=target.counts)
