"""One class of several. Shapes: B batch, K classes."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from declare.nn.precision import to_double
from declare.nn.tasks.masking import MaskedTarget, mask_target
from declare.nn.tasks.prior import class_logits, constant


class Classification(MaskedTarget):
    """Takes logits [B, K] and class indices [B] (-1 where missing), or mixed targets [B, K].

    Softmax is applied for predictions, never for the loss.
    """

    def __init__(
        self,
        *,
        target: str,
        mask: str | None = None,
        may_miss: bool = True,
        counts: Sequence[int] | None = None,
    ) -> None:
        super().__init__(target, mask)
        self._may_miss = may_miss
        self._prior = self.prior(counts)

    def target(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return class indices [B], -1 where the loss leaves them out."""
        target = batch[self._target]
        if self._mask is None:
            return target
        if target.is_floating_point():
            # Mixed targets are left out as rows of zeros.
            return target * batch[self._mask].unsqueeze(-1)
        return mask_target(target, batch[self._mask])

    def scores(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return logits [N, K] and indices [N] of the labelled samples."""
        logits, target = self.logits(output), self.target(batch)
        if not self._may_miss:
            return logits, target
        labelled = target >= 0
        return logits[labelled], target[labelled]

    def predict(self, output: Tensor) -> dict[str, Tensor]:
        """Return `class` [B] and the probability of each class [B, K]."""
        logits = self.logits(output)
        return {"class": logits.argmax(1), "probability": to_double(logits).softmax(1)}

    def baseline_prediction(
        self, output: Tensor, batch: Mapping[str, Tensor], generator: torch.Generator
    ) -> Tensor | None:
        """Return the log frequency of each class in the training split, of the same shape as `output`."""
        return constant(self._prior, output, 1)

    def prior(self, counts: Sequence[int] | None) -> Tensor | None:
        """Return the logits [K] that training samples of each class alone lead to."""
        return class_logits(counts)

    def logits(self, output: Tensor) -> Tensor:
        """Return class logits [B, K]: their softmax is the probabilities."""
        return output
