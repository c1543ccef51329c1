"""Losses of classes at every step of a sequence. Shapes: B batch, T steps, S steps of the target, K classes."""

from collections.abc import Sequence

from torch import Tensor

from declare.nn.losses.shapes import ShapeMismatchError
from declare.nn.losses.summed_loss import SummedLoss
from declare.nn.tasks.token_classification import fit_length


class PerStep(SummedLoss):
    """A loss over logits [N, K] and indices [N], taken at all steps: logits [B, T, K] and indices [B, S]."""

    def __init__(self, loss: SummedLoss) -> None:
        super().__init__()
        self.loss = loss

    def forward(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor | int]:
        """Return (sum, weight), scalars; the weight is the number of steps that count."""
        _require(logits, target)
        return self.loss(logits.flatten(0, 1), fit_length(target, logits.shape[1]).flatten())

    def check(self, logits: Tensor, target: Tensor, sizes: Sequence[int | None]) -> None:
        """Raise `ShapeMismatchError` if counting steps of the target [B, S] are beyond the logits [B, T, K]."""
        _require(logits, target)
        steps = logits.shape[1]
        if target.shape[1] > steps and bool((target[:, steps:] >= 0).any()):
            why = f"targets after step {steps} would be left out"
            raise ShapeMismatchError(logits, target, why)

    def count(self, target: Tensor) -> Tensor | int:
        """Return the number of steps that count, a scalar."""
        return self.loss.count(target.flatten())


def _require(logits: Tensor, target: Tensor) -> None:
    if logits.dim() != 3 or target.dim() != 2 or len(logits) != len(target):
        raise ShapeMismatchError(logits, target, "[B, T, K] and [B, S] are needed")


def per_step(loss: SummedLoss) -> PerStep:
    """Return a loss of classes as one of sequences."""
    return PerStep(loss)
