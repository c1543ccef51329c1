"""Passes: how a micro-batch becomes gradients. Usually one forward and one backward; scales make several."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from declare.nn.running_statistics import StatisticsBySize
from declare.runtime.step.interfaces import Batch, Losses, Objective, Scales
from declare.runtime.step.rng import mix


class ForwardBackward(Protocol):
    """The two halves of a pass; looked up at each call, so that they may be timed."""

    def forward(self, batch: Batch, totals: Tensor | None, seed: int, *, last: bool) -> Losses:
        """Return (loss, parts) of a micro-batch; `last` where its backward pass completes the step."""
        ...

    def backward(self, loss: Tensor) -> None:
        """Add the loss's gradients."""
        ...


class Pass(Protocol):
    """Adds the gradients of a micro-batch of step `number`; returns (loss, parts), detached."""

    def __call__(self, number: int, batch: Batch, totals: Tensor | None, seed: int, *, last: bool) -> Losses:
        """Make the pass, random draws keyed by `seed`."""
        ...


def make_pass(
    objective: Objective, halves: ForwardBackward, statistics: StatisticsBySize | None = None
) -> Pass:
    """Return the way that a phase asks for; with scales, norms have `statistics` for each size."""
    if objective.scales is None or statistics is None:
        return SingleScale(halves)
    kind = JointScales if objective.scales.eager else SequentialScales
    return kind(objective, objective.scales, halves, statistics)


class SingleScale:
    """One forward, one backward."""

    def __init__(self, halves: ForwardBackward) -> None:
        self._halves = halves

    def __call__(self, number: int, batch: Batch, totals: Tensor | None, seed: int, *, last: bool) -> Losses:
        """Make the pass."""
        loss, parts = self._halves.forward(batch, totals, seed, last=last)
        self._halves.backward(loss)
        return loss.detach(), parts.detach()


class SequentialScales:
    """A pass for each scale, one after another: only one of them is in memory at any time.

    The loss is the mean over scales. Smaller scales are compared with predictions of the largest one, which comes
    first and stands still for them, so that its activations are gone when theirs are made.
    """

    def __init__(
        self, objective: Objective, scales: Scales, halves: ForwardBackward, statistics: StatisticsBySize
    ) -> None:
        self._objective, self._scales, self._halves = objective, scales, halves
        self._statistics = statistics

    def __call__(self, number: int, batch: Batch, totals: Tensor | None, seed: int, *, last: bool) -> Losses:
        """Make the passes."""
        sizes = self._scales.sizes(number)
        share = 1 / len(sizes)
        found = []
        batches = self._scales.each(self._objective.begun(batch, seed), number)
        for index, (size, scaled) in enumerate(zip(sizes, batches, strict=True)):
            final = last and index + 1 == len(sizes)
            with self._statistics.at(size):
                loss, parts = self._halves.forward(scaled, totals, mix(seed, index), last=final)
                self._halves.backward(loss * share)
            found.append((loss.detach() * share, parts.detach() * share))
            del loss, parts, scaled
        return _sum_losses(found)


class JointScales(SequentialScales):
    """All scales at once, then one backward: as fast, with the activations of all scales in memory."""

    def __call__(self, number: int, batch: Batch, totals: Tensor | None, seed: int, *, last: bool) -> Losses:
        """Make the passes."""
        begun = self._objective.begun(batch, seed)
        batches = list(self._scales.each(begun, number))
        share = 1 / len(batches)
        found = []
        for index, (size, scaled) in enumerate(zip(self._scales.sizes(number), batches, strict=True)):
            final = last and index + 1 == len(batches)
            with self._statistics.at(size):
                found.append(self._halves.forward(scaled, totals, mix(seed, index), last=final))
        self._halves.backward(torch.stack([loss for loss, _ in found]).sum() * share)
        return _sum_losses([(loss.detach() * share, parts.detach() * share) for loss, parts in found])


def _sum_losses(found: list[Losses]) -> Losses:
    if len(found) == 1:
        return found[0]
    losses, parts = zip(*found, strict=True)
    return torch.stack(losses).sum(), torch.stack(parts).sum(0)
