"""Bases of metrics that one function of `declare.nn.metrics` computes from sums over an evaluation.

Such a metric returns its function from `formula`, which imports it: this room imports no torch.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction

if TYPE_CHECKING:
    from torch import Tensor

    from declare.nn.metrics.classification import Decisions

Average = Literal["macro", "micro", "weighted"]
Formula = Callable[["Tensor"], "Tensor"]
"""The metric from the sums of an accumulator."""
Score = Callable[["Decisions"], "Tensor"]
"""The scores [K] of classes from the decisions on each."""
Cost = Callable[["Tensor", "Tensor"], "Tensor"]
"""The cost or score of predictions and targets of one shape."""


class ConfusionMetric(Metric):
    """A metric of the table of true and predicted classes."""

    mode: ClassVar[Literal["max", "min"]] = "max"
    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits", "ordinal_logits"})

    def formula(self) -> Formula:
        """Return the metric from the counts of a `Confusion` [K, K]."""
        raise NotImplementedError

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        return _of_confusion(target, self.formula())


def _of_confusion(target: Target, formula: Formula) -> Any:
    from declare.nn.metrics.classification import Confusion
    from declare.nn.metrics.metric import AccumulatedMetric

    ordered = target.prediction == "ordinal_logits"
    return AccumulatedMetric(Confusion(target.classes or (), ordered=ordered), formula)


class Agreement(Metric):
    """A metric for each class, averaged: from logits of classes, pixels or labels."""

    mode: ClassVar[Literal["max", "min"]] = "max"
    takes: ClassVar[frozenset[Prediction]] = frozenset(
        {"class_logits", "label_logits", "ordinal_logits", "pixel_logits"}
    )
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    unseen_labels: ClassVar[bool] = False
    """Whether the metric is defined for a label that is neither true nor predicted anywhere."""

    def formula(self) -> Score:
        """Return the score of each class."""
        raise NotImplementedError

    def label_formula(self) -> Score:
        """Return the score of each label."""
        return self.formula()

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        return self._build_accumulator(target, "macro", 0.5)

    def _build_accumulator(self, target: Target, average: Average, threshold: float) -> Any:
        from declare.nn.metrics.classification import LabelCounts, average_over_classes
        from declare.nn.metrics.metric import AccumulatedMetric

        if target.prediction == "label_logits":
            formula = average_over_classes(
                self.label_formula(), average, labels=True, unseen=self.unseen_labels
            )
            return AccumulatedMetric(LabelCounts(target.classes or (), threshold), formula)
        return _of_confusion(target, average_over_classes(self.formula(), average))


class AveragedAgreement(Agreement):
    """A classification metric with a choice of average and of the label threshold."""

    average: Average = Param(
        "macro",
        description=(
            "`macro`: mean over classes; `micro`: over all decisions; `weighted`: mean over "
            "classes by their number of samples"
        ),
    )
    threshold: float = Param(
        0.5, gt=0, lt=1, description="probability above which a label counts as predicted"
    )

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        return self._build_accumulator(target, self.average, self.threshold)


class ErrorMetric(Metric):
    """An error of values in the target's own units, or of ordered classes in class steps."""

    takes: ClassVar[frozenset[Prediction]] = frozenset({"ordinal_logits", "values"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    def formula(self) -> Formula:
        """Return the metric from moments [13, W]."""
        raise NotImplementedError

    def step_formula(self) -> Formula:
        """Return the metric of ordered classes from the counts of a `Confusion` [K, K]."""
        raise NotImplementedError

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.metric import AccumulatedMetric
        from declare.nn.metrics.regression import Moments

        if target.prediction == "ordinal_logits":
            return _of_confusion(target, self.step_formula())
        return AccumulatedMetric(Moments(), self.formula())


class OutputMomentsMetric(Metric):
    """A metric of the moments of predictions and targets of each output [N] or [N, width], averaged over outputs."""

    mode: ClassVar[Literal["max", "min"]] = "max"
    takes: ClassVar[frozenset[Prediction]] = frozenset({"values"})
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def formula(self) -> Formula:
        """Return the metric of each output [W] from moments [13, W]."""
        raise NotImplementedError

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.metric import AccumulatedMetric
        from declare.nn.metrics.regression import Moments, each_output

        return AccumulatedMetric(Moments(), each_output(self.formula()))


class ValueErrorMetric(Metric):
    """A mean cost of values [N] or [N, width], over all values of all outputs; 0 is best."""

    takes: ClassVar[frozenset[Prediction]] = frozenset({"values"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    def formula(self) -> Cost:
        """Return the cost of each value [N, W], from predictions and targets."""
        raise NotImplementedError

    def weight(self) -> Cost | None:
        """Return the function of the weight of each value [N, W]; None if all count alike."""
        return None

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.metric import AccumulatedMetric
        from declare.nn.metrics.regression import ElementSums, mean_cost

        return AccumulatedMetric(ElementSums(self.formula(), self.weight()), mean_cost)


class RankingMetric(Metric):
    """A metric of how scores rank samples, averaged over classes, labels or outputs."""

    pools_heads: ClassVar[bool] = False

    mode: ClassVar[Literal["max", "min"]] = "max"
    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits", "label_logits", "ordinal_logits"})
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def formula(self) -> Cost:
        """Return the metric of one column from scores and truth [N]."""
        raise NotImplementedError

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.ranking import Ranking

        return Ranking(self.formula())


class LabelRankingMetric(Metric):
    """A mean over samples of a ranking metric of label logits [N, labels]."""

    takes: ClassVar[frozenset[Prediction]] = frozenset({"label_logits"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def formula(self) -> Formula:
        """Return the metric from the sums of `LabelRanks`."""
        raise NotImplementedError

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.label_ranking import LabelRanks
        from declare.nn.metrics.metric import AccumulatedMetric

        return AccumulatedMetric(LabelRanks(), self.formula())


class TokenMetric(Metric):
    """A metric of sums over tokens."""

    mode: ClassVar[Literal["max", "min"]] = "max"
    takes: ClassVar[frozenset[Prediction]] = frozenset({"token_logits"})

    def formula(self) -> Formula:
        """Return the metric from the sums of `TokenSums`."""
        raise NotImplementedError

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.metric import AccumulatedMetric
        from declare.nn.metrics.tokens import TokenSums

        return AccumulatedMetric(TokenSums(), self.formula())


class EmbeddingMetric(Metric):
    """A metric of all embeddings of an evaluation, which come in pairs."""

    mode: ClassVar[Literal["max", "min"]] = "max"
    takes: ClassVar[frozenset[Prediction]] = frozenset({"embedding"})
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def formula(self) -> Formula:
        """Return the metric from all pairs of embeddings."""
        raise NotImplementedError

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.embeddings import Embeddings
        from declare.nn.metrics.metric import AccumulatedMetric

        return AccumulatedMetric(Embeddings(), self.formula())
