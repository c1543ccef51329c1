"""Bases of metrics that one function of `declare.nn.metrics` computes from sums over an evaluation.

Such a metric names its function as `formula`; it is looked up when the metric is built, since that imports torch.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction

Average = Literal["macro", "micro", "weighted"]


class FormulaMetric(Metric):
    """A metric that one function computes."""

    module: ClassVar[str]
    """The module of `declare.nn.metrics` that holds the function."""
    formula: ClassVar[str]
    """The name of the function."""
    mode: ClassVar[Literal["max", "min"]] = "max"

    def formula_for(self, target: Target) -> str:
        """Return the name of the function for the parameters and a target."""
        return self.formula

    def function(self, target: Target) -> Callable[..., Any]:
        """Return the function for a target."""
        return _load(self.module, self.formula_for(target))


def _load(module: str, name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(import_module(f"declare.nn.metrics.{module}"), name)
    return function


class ConfusionMetric(FormulaMetric):
    """A figure of the table of true and predicted classes."""

    module: ClassVar[str] = "classification"
    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits", "ordinal_logits"})

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        return _of_confusion(target, self.function(target))


def _of_confusion(target: Target, formula: Callable[..., Any]) -> Any:
    from declare.nn.metrics.classification import Confusion
    from declare.nn.metrics.metric import Figure

    ordered = target.prediction == "ordinal_logits"
    return Figure(Confusion(len(target.classes or ()), ordered=ordered), formula)


class Agreement(FormulaMetric):
    """A metric for each class, averaged: from logits of classes, pixels or labels."""

    module: ClassVar[str] = "classification"
    takes: ClassVar[frozenset[Prediction]] = frozenset(
        {"class_logits", "label_logits", "ordinal_logits", "pixel_logits"}
    )
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    unseen_labels: ClassVar[bool] = False
    """Whether the metric is defined for a label that is neither true nor predicted anywhere."""

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        return self._build_accumulator(target, "macro", 0.5)

    def _build_accumulator(self, target: Target, average: Average, threshold: float) -> Any:
        from declare.nn.metrics.classification import LabelCounts, average_over_classes
        from declare.nn.metrics.metric import Figure

        figure = self.function(target)
        if target.prediction == "label_logits":
            formula = average_over_classes(figure, average, labels=True, unseen=self.unseen_labels)
            return Figure(LabelCounts(threshold), formula)
        return _of_confusion(target, average_over_classes(figure, average))


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


class ErrorMetric(FormulaMetric):
    """An error of values in the target's own units, or of ordered classes in class steps."""

    module: ClassVar[str] = "regression"
    step_formula: ClassVar[str]
    """The function of `declare.nn.metrics.classification` for ordered classes."""
    takes: ClassVar[frozenset[Prediction]] = frozenset({"ordinal_logits", "values"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.metric import Figure
        from declare.nn.metrics.regression import Moments

        if target.prediction == "ordinal_logits":
            return _of_confusion(target, _load("classification", self.step_formula))
        return Figure(Moments(), self.function(target))


class OutputMomentsMetric(FormulaMetric):
    """A figure of the moments of predictions and targets of each output [N] or [N, width], averaged over outputs."""

    module: ClassVar[str] = "regression"
    takes: ClassVar[frozenset[Prediction]] = frozenset({"values"})
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.metric import Figure
        from declare.nn.metrics.regression import Moments, each_output

        return Figure(Moments(), each_output(self.function(target)))


class ValueErrorMetric(FormulaMetric):
    """A mean cost of values [N] or [N, width], over all values of all outputs; 0 is best."""

    module: ClassVar[str] = "regression"
    weight: ClassVar[str | None] = None
    """The function that gives the weight of a value, where they differ."""
    takes: ClassVar[frozenset[Prediction]] = frozenset({"values"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, None)

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.metric import Figure
        from declare.nn.metrics.regression import ElementSums, mean_cost

        weight = None if self.weight is None else _load(self.module, self.weight)
        return Figure(ElementSums(self.function(target), weight), mean_cost)


class RankingMetric(FormulaMetric):
    """A figure of how scores rank samples, averaged over classes, labels or outputs."""

    module: ClassVar[str] = "ranking"
    takes: ClassVar[frozenset[Prediction]] = frozenset({"class_logits", "label_logits", "ordinal_logits"})
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.ranking import Ranking

        return Ranking(self.function(target))


class LabelRankingMetric(FormulaMetric):
    """A mean over samples of a ranking metric of label logits [N, labels]."""

    module: ClassVar[str] = "label_ranking"
    takes: ClassVar[frozenset[Prediction]] = frozenset({"label_logits"})
    mode: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.label_ranking import LabelRanks
        from declare.nn.metrics.metric import Figure

        return Figure(LabelRanks(), self.function(target))


class TokenMetric(FormulaMetric):
    """A figure of sums over tokens."""

    module: ClassVar[str] = "tokens"
    takes: ClassVar[frozenset[Prediction]] = frozenset({"token_logits"})

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.metric import Figure
        from declare.nn.metrics.tokens import TokenSums

        return Figure(TokenSums(), self.function(target))


class EmbeddingMetric(FormulaMetric):
    """A figure of all embeddings of an evaluation, which come in pairs."""

    module: ClassVar[str] = "embeddings"
    takes: ClassVar[frozenset[Prediction]] = frozenset({"embedding"})
    bounds: ClassVar[tuple[float | None, float | None]] = (-1.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.embeddings import Embeddings
        from declare.nn.metrics.metric import Figure

        return Figure(Embeddings(), self.function(target))
