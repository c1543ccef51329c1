"""`dice`: the overlap of regions."""

from collections.abc import Callable
from typing import Any, ClassVar

from declare.components.metrics._agreement import Agreement


class Dice(Agreement):
    """Dice overlap of predicted and true regions, averaged over classes.

    Takes logits of pixels [N, classes, height, width], or of classes or labels. Pixels of all images
    count together; classes that are neither true nor predicted are left out. Source: Dice 1945.

    ```yaml
    tasks:
      organs: {type: segmentation, dataset: scans, target: mask, metrics: [dice]}
    ```
    """

    also_called: ClassVar[tuple[str, ...]] = ("dice_coefficient", "dice_coef")

    def figure(self) -> Callable[..., Any]:
        """Return the figure of each class."""
        from declare.nn.metrics.classification import f1

        return f1
