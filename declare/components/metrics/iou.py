"""`iou`: intersection over union."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from declare.contract.metric import Metric
from declare.contract.task import Target


class Iou(Metric):
    """Intersection over union of predicted and true regions, averaged over classes.

    Takes probabilities of pixels [N, classes, height, width], or of classes or labels. Pixels of all images
    count together; classes that are neither true nor predicted are left out. Source: Jaccard 1901.

    ```yaml
    tasks:
      organs: {type: segmentation, dataset: scans, target: mask, metrics: [iou]}
    ```
    """

    takes: ClassVar[frozenset[str]] = frozenset(
        {"class_logits", "label_logits", "ordinal_logits", "pixel_logits"}
    )
    mode: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float | None, float | None]] = (0.0, 1.0)

    def build(self, target: Target) -> Any:
        """Return the real metric."""
        from declare.nn.metrics.agreement import Confusion, LabelCounts, averaged, iou
        from declare.nn.metrics.figure import Figure

        if target.prediction == "label_logits":
            return Figure(LabelCounts(), averaged(iou, "macro", labels=True))
        ordered = target.prediction == "ordinal_logits"
        return Figure(Confusion(len(target.classes or ()), ordered=ordered), averaged(iou, "macro"))
