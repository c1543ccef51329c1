"""Any number of labels at once. Shapes: B batch, L labels."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from declare.nn.precision import to_double
from declare.nn.tasks.masking import MaskedTarget
from declare.nn.tasks.prior import constant, label_logits


class Multilabel(MaskedTarget):
    """Takes logits [B, L] and labels [B, L], 0 or 1, NaN where missing.

    The sigmoid is applied for predictions, never for the loss.
    """

    def __init__(self, *, target: str, mask: str | None = None, rates: Sequence[float] | None = None) -> None:
        super().__init__(target, mask)
        self._prior = label_logits(rates)

    def scores(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return logits and labels [B, L]; missing labels stay NaN."""
        return output, self.target(batch)

    def predict(self, output: Tensor) -> dict[str, Tensor]:
        """Return `labels` [B, L], true where the probability passes one half, and `probability` [B, L]."""
        return {"labels": output > 0, "probability": to_double(output).sigmoid()}

    def baseline_prediction(
        self, output: Tensor, batch: Mapping[str, Tensor], generator: torch.Generator
    ) -> Tensor | None:
        """Return the logit of how often each label is set in the training split [B, L]."""
        return constant(self._prior, output, 1)
