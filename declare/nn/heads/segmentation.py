"""One score per class and pixel. Shapes: B batch, C channels, H height, W width, K classes."""

from torch import Tensor, nn
from torch.nn import functional


class Segmentation(nn.Module):
    """A 3x3 convolution with batch norm and ReLU if wanted, a 1x1 convolution, and resizing (bilinear).

    Input x[B, C, H, W]. Output [B, K, H', W'], the size of the target; softmax is not applied.
    """

    def __init__(
        self, inputs: int, classes: int, size: tuple[int, int], *, hidden: int | None = None
    ) -> None:
        super().__init__()
        self.size = size
        self.hidden = nn.Identity()
        if hidden is not None:
            convolution = nn.Conv2d(inputs, hidden, 3, padding=1, bias=False)
            self.hidden = nn.Sequential(convolution, nn.BatchNorm2d(hidden), nn.ReLU())  # type: ignore[assignment]
        self.classify = nn.Conv2d(hidden or inputs, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits [B, K, H', W'] at the target's size."""
        scores_BKHW: Tensor = self.classify(self.hidden(x))
        if tuple(scores_BKHW.shape[-2:]) == self.size:
            return scores_BKHW
        return functional.interpolate(scores_BKHW, size=self.size, mode="bilinear")
