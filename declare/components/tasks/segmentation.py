"""`segmentation`: one class for each pixel."""

from typing import ClassVar

from declare.components.tasks._classes import ClassTask, no_classes
from declare.contract.facts import FieldFacts
from declare.contract.kinds.task import Target, TaskAdapter
from declare.contract.prediction import Prediction
from declare.contract.problem import Problem
from declare.contract.shapes import Layout, Shape


class Segmentation(ClassTask):
    """Predicts one class for each pixel.

    The target is a `mask` field, class indices [B, height, width] with -1 where not labelled: such pixels are
    ignored by loss and metrics. The head gives logits [B, classes, height, width]; softmax is applied only
    for metrics and predictions.

    ```yaml
    tasks:
      organs: {type: segmentation, dataset: scans, target: mask}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("semantic_segmentation", "segment", "image_segmentation")

    targets: ClassVar[tuple[Layout, ...]] = ("mask",)
    prediction: ClassVar[Prediction] = "pixel_logits"
    feeds: ClassVar[tuple[Layout, ...]] = ("image",)
    default_head: ClassVar[str] = "segmentation"
    may_miss_parts: ClassVar[bool] = True
    default_loss: ClassVar[str] = "cross_entropy"
    default_metrics: ClassVar[tuple[str, ...]] = ("iou", "accuracy")

    def output(self, facts: FieldFacts) -> Shape | Problem:
        """Return one logit for each class at each pixel of the mask."""
        return Shape("image", (len(facts.classes), *facts.shape.dims)) if facts.classes else no_classes(self)

    def build(self, target: Target) -> TaskAdapter:
        """Return the adapter."""
        from declare.nn.tasks.segmentation import Segmentation as Real

        return Real(target=self.target or "", mask=self.mask, counts=target.counts)
