"""Embeddings in which groups differ. Shapes: B batch, E features of the embedding."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

_FACTOR = 6_364_136_223_846_793_005
_NOT_NEGATIVE = 2**63 - 1


class Contrastive:
    """Rows that agree in the fields `same` and differ in `different` are positives of each other.

    The target [B, 2] holds a number for each group, -1 where a row belongs to none, and one for who it comes from;
    without `different` every row has a different origin.
    """

    module: nn.Module | None = None

    def __init__(self, *, same: Sequence[str], different: str | None = None) -> None:
        self._same = tuple(same)
        self._different = different

    def target(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return group and origin of each row [B, 2]."""
        first = batch[self._same[0]].long()
        group, is_known = first, first >= 0
        for name in self._same[1:]:
            # Wraps around: an odd factor as large as this keeps pairs of numbers apart that data may hold.
            group = group * _FACTOR + batch[name]
            is_known = is_known & (batch[name] >= 0)
        origin = torch.arange(len(first), device=first.device)
        if self._different is not None:
            origin = batch[self._different].long()
            is_known = is_known & (origin >= 0)
        return torch.stack([torch.where(is_known, group & _NOT_NEGATIVE, -1), origin], 1)

    def scores(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return embeddings [N, E] and targets [N, 2] of the rows that belong to a group."""
        target = self.target(batch)
        is_known = target[:, 0] >= 0
        return output[is_known], target[is_known]

    def predict(self, output: Tensor) -> dict[str, Tensor]:
        """Return `embedding` [B, E], of unit length."""
        return {"embedding": nn.functional.normalize(output.float(), dim=-1)}

    def baseline_prediction(
        self, output: Tensor, batch: Mapping[str, Tensor], generator: torch.Generator
    ) -> Tensor | None:
        """Return embeddings [B, E] drawn at random: chance."""
        return torch.randn(output.shape, generator=generator, device=output.device)
