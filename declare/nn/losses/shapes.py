"""Shapes that a loss compares: nothing is ever broadcast. Shapes: B batch, K classes, ... any further axes."""

from torch import Tensor


class ShapeMismatchError(ValueError):
    """An output and a target do not belong together: torch would broadcast them, or fail with other words."""

    def __init__(self, output: Tensor, target: Tensor, why: str = "") -> None:
        self.output, self.target, self.why = list(output.shape), list(target.shape), why
        super().__init__(f"outputs {self.output} are compared with targets {self.target}{why and f': {why}'}")


def require_same(output: Tensor, target: Tensor) -> None:
    """Raise `ShapeMismatchError` unless output and target have one shape."""
    if output.shape != target.shape:
        raise ShapeMismatchError(output, target)


def require_indices(logits: Tensor, target: Tensor) -> None:
    """Raise `ShapeMismatchError` unless target [B, ...] holds an index for logits [B, K, ...]."""
    axes = logits.dim()
    if axes == 2:  # by far the most, and in every step
        fits = target.dim() == 1 and target.size(0) == logits.size(0)
    else:
        fits = axes > 2 and target.shape == (*logits.shape[:1], *logits.shape[2:])
    if not fits:
        raise ShapeMismatchError(logits, target)


def require_classes(logits: Tensor, target: Tensor) -> None:
    """Raise `ShapeMismatchError` unless target holds indices, or class probabilities, for logits [B, K, ...]."""
    if target.is_floating_point():
        require_same(logits, target)
    else:
        require_indices(logits, target)
