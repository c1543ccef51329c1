"""A class for each word. Shapes: B batch, T positions, K classes."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from declare.nn.tasks.masking import MaskedTarget
from declare.nn.tasks.prior import class_logits, constant


class TokenClassification(MaskedTarget):
    """Takes logits [B, T, K] and class indices [B, S], -1 where a position has none.

    Targets may be shorter or longer than the logits: the rest is padding.
    """

    def __init__(self, *, target: str, mask: str | None = None, counts: Sequence[int] | None = None) -> None:
        super().__init__(target, mask)
        self._prior = class_logits(counts)

    def scores(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return logits [N, K] and indices [N] of all words that have a class."""
        target = fit_length(self.target(batch), output.shape[1])
        labelled = target >= 0
        return output[labelled], target[labelled]

    def predict(self, output: Tensor) -> dict[str, Tensor]:
        """Return `tags` [B, T], the likeliest class at each position."""
        return {"tags": output.argmax(2)}

    def baseline_prediction(
        self, output: Tensor, batch: Mapping[str, Tensor], generator: torch.Generator
    ) -> Tensor | None:
        """Return the log frequency of each class in the training split [B, T, K]."""
        return constant(self._prior, output, -1)


def fit_length(target: Tensor, length: int) -> Tensor:
    """Return indices [B, S] cut or padded with -1 to [B, length]."""
    if target.shape[1] >= length:
        return target[:, :length]
    rest = torch.full_like(target[:, :1], -1).expand(-1, length - target.shape[1])
    return torch.cat([target, rest], 1)
