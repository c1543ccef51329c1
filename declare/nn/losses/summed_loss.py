"""What the losses have in common: sums over valid targets with the weight that normalises them. Shapes: B batch."""

from collections.abc import Sequence

from torch import Tensor, nn

from declare.nn.losses.shapes import ShapeMismatchError


class SummedLoss(nn.Module):
    """A loss that is called with an output and a target, each [B, ...], and returns (sum, weight), two scalars.

    The weight may be a plain number if no target can be missing.
    """

    needs_all_rows: bool = False
    """Whether it depends on which rows share a batch: it then gets those of all processes."""
    has_fused_mean: bool = False
    """Whether `mean` gives sum / weight in one call."""

    def count(self, target: Tensor) -> Tensor | int:
        """Return the weight, which is known from the target [B, ...] alone."""
        raise NotImplementedError

    def mean(self, output: Tensor, target: Tensor) -> Tensor:
        """Return sum / weight for output and target [B, ...], a scalar; only if `has_fused_mean`."""
        raise NotImplementedError

    def check(self, output: Tensor, target: Tensor, sizes: Sequence[int | None]) -> None:
        """Raise `ShapeMismatchError` unless output [B, ...] and target [B, *sizes] belong together.

        It is asked once, of real tensors: a loss may look at values if sizes are not enough.
        """
        if len(output) != len(target) or tuple(sizes) != tuple(target.shape[1:]):
            raise ShapeMismatchError(output, target)
