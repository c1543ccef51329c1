"""`iou`: intersection over union."""

from typing import ClassVar

from declare.components.metrics._formulas import Agreement, Score


class Iou(Agreement):
    """Intersection over union of predicted and true regions, averaged over classes.

    Takes logits of pixels [N, classes, height, width], or of classes or labels. Pixels of all images are
    pooled; classes that are neither true nor predicted are left out. Source: Jaccard 1901.

    ```yaml
    tasks:
      organs: {type: segmentation, dataset: scans, target: mask, metrics: [iou]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("jaccard", "JaccardIndex", "miou")

    def formula(self) -> Score:
        """Return the score of each class."""
        from declare.nn.metrics.classification import iou

        return iou
