"""`accuracy`: the fraction of correct predictions."""

from typing import Any, ClassVar, Literal

from pydantic import Field as Param

from declare.contract.kinds.metric import Metric
from declare.contract.kinds.task import Target
from declare.contract.prediction import Prediction


class Accuracy(Metric):
    """Fraction of correct predictions: of samples, of pixels, or of all decisions on labels.

    Takes class logits [N, classes] (also of pixels) or label logits [N, labels]. Missing labels are ignored.
    Of equally likely classes the first is predicted. On an ordinal task the predicted class is the median
    class. Source: any textbook.

    ```yaml
    tasks:
      digit: {type: classification, dataset: digits, target: label, metrics: [accuracy]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = (
        "acc",
        "top1",
        "MulticlassAccuracy",
        "categorical_accuracy",
        "sparse_categorical_accuracy",
        "binary_accuracy",
        "top_k_accuracy",
        "top_k_categorical_accuracy",
        "top5",
        "hits_at_k",
    )

    takes: ClassVar[frozenset[Prediction]] = frozenset(
        {"class_logits", "label_logits", "ordinal_logits", "pixel_logits"}
    )
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    top: int = Param(
        1,
        ge=1,
        description="a prediction is correct if the true class is among this many most likely classes",
    )
    threshold: float = Param(
        0.5, gt=0, lt=1, description="probability above which a label counts as predicted"
    )

    def build(self, target: Target) -> Any:
        """Return the torch module."""
        from declare.nn.metrics.classification import (
            Confusion,
            LabelCounts,
            TopShare,
            share,
            share_right,
            share_right_labels,
        )
        from declare.nn.metrics.metric import AccumulatedMetric

        if target.prediction == "label_logits":
            return AccumulatedMetric(LabelCounts(target.classes or (), self.threshold), share_right_labels)
        if self.top > 1:
            return AccumulatedMetric(TopShare(self.top), share)
        ordered = target.prediction == "ordinal_logits"
        return AccumulatedMetric(Confusion(target.classes or (), ordered=ordered), share_right)
