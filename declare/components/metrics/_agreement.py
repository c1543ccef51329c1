"""What metrics of classes share: they are read off one table of what is true and what was predicted."""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction

Average = Literal["macro", "micro", "weighted"]


class Agreement(Metric):
    """A figure for each class, averaged: over logits of classes, of pixels, or of labels."""

    takes: ClassVar[frozenset[Prediction]] = frozenset(
        {"class_logits", "label_logits", "ordinal_logits", "pixel_logits"}
    )
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)
    unseen_labels: ClassVar[bool] = False
    """Whether a label that is neither true nor predicted anywhere has a figure."""

    def figure(self) -> Callable[..., Any]:
        """Return the function of `nn.metrics.agreement` that gives the figure of each class."""
        raise NotImplementedError

    def figure_of(self, target: Target) -> Callable[..., Any]:
        """Return the figure of each class for one kind of target."""
        return self.figure()

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        return self._build_accumulator(target, "macro", 0.5)

    def _build_accumulator(self, target: Target, average: Average, threshold: float) -> Any:
        from declare.nn.metrics.classification import Confusion, LabelCounts, average_over_classes
        from declare.nn.metrics.metric import Figure

        if target.prediction == "label_logits":
            formula = average_over_classes(
                self.figure_of(target), average, labels=True, unseen=self.unseen_labels
            )
            return Figure(LabelCounts(threshold), formula)
        ordered = target.prediction == "ordinal_logits"
        return Figure(
            Confusion(len(target.classes or ()), ordered=ordered),
            average_over_classes(self.figure_of(target), average),
        )


class AveragedAgreement(Agreement):
    """The same with a choice of the average and of the threshold of labels."""

    average: Average = Param(
        "macro", description="mean over classes, over all decisions, or over classes by their samples"
    )
    threshold: float = Param(0.5, gt=0, lt=1, description="probability above which a label is predicted")

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        return self._build_accumulator(target, self.average, self.threshold)
