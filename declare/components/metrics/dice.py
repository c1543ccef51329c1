"""`dice`: the overlap of regions."""

from typing import ClassVar

from declare.components.metrics._formulas import Agreement, Score


class Dice(Agreement):
    """Dice overlap of predicted and true regions, averaged over classes.

    Takes logits of pixels [N, classes, height, width], or of classes or labels. Pixels of all images are
    pooled; classes that are neither true nor predicted are left out. Source: Dice 1945.

    ```yaml
    tasks:
      organs: {type: segmentation, dataset: scans, target: mask, metrics: [dice]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("dice_coefficient", "dice_coef")

    def formula(self) -> Score:
        """Return the score of each class."""
        from declare.nn.metrics.classification import f1

        return f1
