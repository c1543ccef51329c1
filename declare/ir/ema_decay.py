"""How much of which weights an exponential moving average holds. Torch-free."""

import math
from typing import NamedTuple

from declare.ir.plan import Plan


def decay_at(update: int, decay: float, *, warmup: bool) -> float:
    """Return the fraction of the old average that update `update` (from 0) keeps.

    With a warm-up it begins low, (1 + n) / (10 + n) at update n, and never exceeds `decay`.
    """
    return min(decay, (1 + update) / (10 + update)) if warmup else decay


def has_new_statistics(plan: Plan, index: int) -> bool:
    """Return whether norms of phase `index` begin with statistics of other data, or of another size, than its own.

    An average must forget these; it keeps those of the phase before if the phase continues on the same data.
    """
    phase, before = plan.phases[index], plan.phases[index - 1]
    continues = index > 0 and not phase.init and phase.datasets == before.datasets
    return not continues or phase.scales is not None or before.scales is not None


class Shares(NamedTuple):
    """Fractions of the weights before the first update, and after the last ones, in an average.

    `first` is the fraction of the weights that it began with, `last` that of the weights after the last step, and
    `half` the number of last steps whose weights make up at least half of it (None if all steps do not).
    """

    first: float
    last: float
    half: int | None


def shares(updates: int, decay: float, *, warmup: bool) -> Shares:
    """Return what an average holds after so many updates."""
    if updates < 1:
        return Shares(1.0, 0.0, None)
    first = math.exp(_log_kept(0, updates, decay, warmup=warmup))
    last = 1 - decay_at(updates - 1, decay, warmup=warmup)
    if first > 0.5:
        return Shares(first, last, None)
    low, high = 1, updates
    while low < high:  # the fraction of the last k steps grows with k
        middle = (low + high) // 2
        if _log_kept(updates - middle, updates, decay, warmup=warmup) <= math.log(0.5):
            high = middle
        else:
            low = middle + 1
    return Shares(first, last, low)


def _log_kept(start: int, end: int, decay: float, *, warmup: bool) -> float:
    """Return the log of the product of decays of the updates from `start` to `end`."""
    # (1 + n) / (10 + n) reaches the decay at this update; before it the product telescopes.
    full = max(0, math.ceil((10 * decay - 1) / (1 - decay))) if warmup else 0
    middle = min(max(full, start), end)
    rising = sum(math.log((start + k) / (middle + k)) for k in range(1, 10)) if middle > start else 0.0
    return rising + (end - middle) * math.log(decay)
