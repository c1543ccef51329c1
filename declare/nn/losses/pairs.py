"""Losses over pairs of a batch. Shapes: B batch, E features of the embedding."""

import torch
from torch import Tensor
from torch.nn import functional

from declare.nn.losses.shapes import ShapeMismatchError
from declare.nn.losses.summed_loss import SummedLoss
from declare.nn.precision import at_least_single

_NEVER = -1e9


def positives(target: Tensor) -> Tensor:
    """Return which pairs [B, B] have one group and two origins; target [B, 2] as a contrastive task gives it."""
    group, origin = target.unbind(1)
    same = (group[:, None] == group) & (group >= 0)
    return same & (origin[:, None] != origin)


def negatives(target: Tensor, *, explicit: bool = False) -> Tensor:
    """Return which pairs [B, B] have two groups; with `explicit` also the same origin."""
    group, origin = target.unbind(1)
    is_other_group = (group[:, None] != group) & (group >= 0) & (group >= 0)[:, None]
    return is_other_group & (origin[:, None] == origin) if explicit else is_other_group


class PairLoss(SummedLoss):
    """A loss whose weight is the number of rows that have a positive in the batch.

    Takes embeddings [B, E] and targets [B, 2], group and origin of each row; gives scalars. It is computed in single
    precision under autocast too: cosines in 16 bits could not distinguish near pairs.
    """

    needs_all_rows = True

    def forward(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return (sum, weight), scalars."""
        if output.dim() != 2 or target.shape != (len(output), 2):
            raise ShapeMismatchError(output, target, "a row of features and [group, origin] are needed")
        with torch.autocast(output.device.type, enabled=False):
            return self.total(at_least_single(output), positives(target), target), self.count(target)

    def total(self, values: Tensor, positives: Tensor, target: Tensor) -> Tensor:
        """Return the sum for embeddings [B, E], which pairs are positives [B, B], and the targets [B, 2]."""
        raise NotImplementedError

    def count(self, target: Tensor) -> Tensor:
        """Return the number of rows with a positive, a scalar."""
        return positives(target).any(1).sum()


class InfoNce(PairLoss):
    """For each row and positive: -log of the positive's share among itself and the row's negatives.

    Embeddings [B, E] are compared by cosine over `temperature`. Source: van den Oord et al. 2018; several positives
    as in Khosla et al. 2020.
    """

    def __init__(self, temperature: float = 0.07, *, explicit: bool = False) -> None:
        super().__init__()
        self.temperature = temperature
        self.explicit = explicit

    def total(self, values: Tensor, positives: Tensor, target: Tensor) -> Tensor:
        """Return the sum over pairs, a scalar."""
        unit = functional.normalize(values, dim=-1)
        likeness = unit @ unit.t() / self.temperature
        negative_pairs = negatives(target, explicit=self.explicit)
        against = likeness.masked_fill(~negative_pairs, _NEVER).logsumexp(1, keepdim=True)
        losses = functional.softplus(against - likeness) * positives
        return (losses.sum(1) / positives.sum(1).clamp_min(1)).sum()


class InterSubject(PairLoss):
    """1 - the correlation of each feature over positive pairs, averaged over features. Source: Hasson et al. 2004."""

    def total(self, values: Tensor, positives: Tensor, target: Tensor) -> Tensor:
        """Return the sum for embeddings [B, E], which pairs are positives [B, B], and the targets [B, 2]."""
        return (1 - correlations(values, positives).mean()) * self.count(target)


def correlations(values: Tensor, pairs: Tensor) -> Tensor:
    """Return the correlation over `pairs` [B, B] of each feature of values [B, E]; 0 if nothing varies."""
    weight = pairs.to(values.dtype)
    degree = weight.sum(1, keepdim=True)
    centred = values - (degree * values).sum(0) / degree.sum().clamp_min(1)
    covariance = (centred * (weight @ centred)).sum(0)
    return covariance / (degree * centred.square()).sum(0).clamp_min(1e-12)
