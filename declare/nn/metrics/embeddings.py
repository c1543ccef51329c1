"""Metrics of embeddings. Shapes: N samples, E features; rows are E features, then group and origin."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from declare.nn.losses.pairs import positives
from declare.nn.metrics.metric import Accumulator

_MOST = 8192
_ROUNDING = 4 * torch.finfo(torch.float64).eps
_LEAST = torch.finfo(torch.float64).tiny
_TIE = 16 * torch.finfo(torch.float64).eps
"""Cosines that differ by less are equal but for rounding."""


class Embeddings(Accumulator):
    """Stores embeddings and targets of an evaluation [N, E + 2], the first 8,192 of them: metrics are over pairs."""

    key = "embeddings"
    most_rows = _MOST

    def __init__(self) -> None:
        super().__init__()
        self._rows: list[tuple[Tensor, Tensor]] = []
        self._number = 0

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Take in a batch: embeddings [N, E] and targets [N, 2]."""
        room = _MOST - self._number
        if room > 0 and len(target):
            self._rows.append((prediction[:room].cpu().double(), target[:room].cpu()))
            self._number += len(self._rows[-1][1])

    def local_state(self) -> list[tuple[Tensor, Tensor]]:
        """Return the embeddings [N, E] and targets [N, 2] that this process has seen."""
        return self._rows

    def merge_states(self, states: Sequence[list[tuple[Tensor, Tensor]]]) -> None:
        """Take the rows [N, ...] that all processes have seen, by rank."""
        pairs = [pair for portion in states for pair in portion]
        self.reset()
        for prediction, target in pairs:
            self.update(prediction, target)

    def total(self) -> Tensor | None:
        """Return all rows [N, E + 2]; groups and origins are numbered from 0 (theirs may be beyond a double's)."""
        if not self._rows:
            return None
        return self.table(
            torch.cat([pair[0] for pair in self._rows]), torch.cat([pair[1] for pair in self._rows])
        )

    def table(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return embeddings [N, E] with the groups and origins of targets [N, 2] beside them, [N, E + 2]."""
        group, origin = (column.unique(return_inverse=True)[1] for column in target.unbind(1))
        group = group.masked_fill(target[:, 0] < 0, -1)
        places = torch.stack([group, origin], 1).double()
        return torch.cat([prediction, places], 1)

    def combine(self, totals: Sequence[Tensor]) -> Tensor | None:
        """Return None: embeddings [N, E] of two heads are in different spaces."""
        return totals[0] if len(totals) == 1 else None

    def reset(self) -> None:
        """Forget everything."""
        self._rows, self._number = [], 0


def _parts(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return embeddings of unit length, and which pairs are positive."""
    raw = rows[:, :-2]
    # By the largest number first: squares of very small and very large ones are not numbers.
    scaled_rows = raw / raw.abs().amax(1, keepdim=True).clamp_min(_LEAST)
    return functional.normalize(scaled_rows, dim=-1), positives(rows[:, -2:])


def alignment(rows: Tensor) -> Tensor:
    """Return the mean squared distance of positive pairs of rows [N, E + 2] on the unit sphere; 2 is chance."""
    unit, is_positive = _parts(rows)
    return (2 - 2 * unit @ unit.t())[is_positive].clamp_min(0).mean()


def uniformity(rows: Tensor) -> Tensor:
    """Return the log of the mean of exp(-2 d^2) over all pairs of rows [N, E + 2] on the unit sphere."""
    unit = _parts(rows)[0]
    pairs = ~torch.eye(len(unit), dtype=torch.bool)
    return (2 * (2 * unit @ unit.t() - 2))[pairs].exp().mean().log()


def isc(rows: Tensor) -> Tensor:
    """Return the correlation of features over positive pairs of rows [N, E + 2], averaged over those that vary.

    Features are those of embeddings of unit length, which are what is predicted.
    """
    unit, is_positive = _parts(rows)
    degree = is_positive.double().sum(1, keepdim=True)
    mean = (degree * unit).sum(0) / degree.sum()
    off = unit - mean
    spread = (degree * off.square()).sum(0)
    varies = spread > degree.sum() * (_ROUNDING * mean) ** 2
    return ((off * (is_positive.double() @ off)).sum(0) / spread)[varies].mean()


def retrieval(rows: Tensor) -> Tensor:
    """Return the fraction of rows [N, E + 2] with a positive whose nearest row of another origin is one.

    If several are as near, the fraction of positives among them counts.
    """
    unit, is_positive = _parts(rows)
    origin = rows[:, -1]
    likeness = (unit @ unit.t()).masked_fill(origin[:, None] == origin, -torch.inf)
    nearest = likeness >= likeness.amax(1, keepdim=True) - _TIE
    shares = (is_positive & nearest).sum(1).double() / nearest.sum(1)
    return shares[is_positive.any(1)].mean()
