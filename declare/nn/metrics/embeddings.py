"""How embeddings lie. Shapes: N samples, E features; rows hold E features, then group and origin."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from declare.nn.losses.pairs import correlations, positives
from declare.nn.metrics.figure import Accumulator

_MOST = 8192


class Embeddings(Accumulator):
    """Keeps embeddings and targets of an evaluation [N, E + 2], the first 8,192 of them: figures are over pairs."""

    def __init__(self) -> None:
        super().__init__()
        self.key = ("embeddings",)
        self._rows: list[Tensor] = []
        self._number = 0

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Take in a batch."""
        room = _MOST - self._number
        if room > 0:
            rows = torch.cat([prediction.double().cpu(), target.double().cpu()], 1)[:room]
            self._rows.append(rows)
            self._number += len(rows)

    def portion(self) -> list[Tensor]:
        """Return the rows that this process has seen."""
        return self._rows

    def unite(self, portions: Sequence[list[Tensor]]) -> None:
        """Take the rows that all processes have seen, by rank."""
        rows = torch.cat([row for portion in portions for row in portion] or [torch.empty(0, 0)])[:_MOST]
        self._rows, self._number = [rows], len(rows)

    def total(self) -> Tensor | None:
        """Return all rows."""
        return torch.cat(self._rows) if self._number else None

    def reset(self) -> None:
        """Forget everything."""
        self._rows, self._number = [], 0


def _parts(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return embeddings of unit length, as they are, and which pairs are positive."""
    raw = rows[:, :-2]
    return functional.normalize(raw, dim=-1), raw, positives(rows[:, -2:])


def alignment(rows: Tensor) -> Tensor:
    """Return the mean squared distance of positive pairs on the unit sphere; 2 is chance for spread embeddings."""
    unit, _, wanted = _parts(rows)
    return (2 - 2 * unit @ unit.t())[wanted].mean()


def uniformity(rows: Tensor) -> Tensor:
    """Return the log of the mean of exp(-2 d^2) over all pairs on the unit sphere."""
    unit = _parts(rows)[0]
    pairs = ~torch.eye(len(unit), dtype=torch.bool)
    return (2 * (2 * unit @ unit.t() - 2))[pairs].exp().mean().log()


def isc(rows: Tensor) -> Tensor:
    """Return the correlation of each feature over positive pairs, averaged over features."""
    _, raw, wanted = _parts(rows)
    return correlations(raw, wanted).mean() if bool(wanted.any()) else raw.new_tensor(torch.nan)


def retrieval(rows: Tensor) -> Tensor:
    """Return the share of rows whose nearest row of another origin is a positive, of those that have one."""
    unit, _, wanted = _parts(rows)
    origin = rows[:, -1]
    likeness = (unit @ unit.t()).masked_fill(origin[:, None] == origin, -torch.inf)
    nearest = likeness.argmax(1, keepdim=True)
    return wanted.gather(1, nearest)[wanted.any(1)].double().mean()
