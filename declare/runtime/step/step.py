"""One optimizer step, put together once per phase: what the spec does not ask for costs nothing in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from declare.ir.micro_batches import bounds, group_size
from declare.ir.plan import PhasePlan
from declare.nn.balances.balance import Balance
from declare.nn.distributed.dtensor import clip_norm, kinds
from declare.nn.distributed.process_group import ALONE, ProcessGroup
from declare.nn.running_statistics import (
    StatisticsBySize,
    StepStatistics,
    norm_buffers,
    running_statistics,
    unshared_norms,
)
from declare.runtime.errors import first_line
from declare.runtime.machine.precision import Precision
from declare.runtime.step.forward_backward import make_pass
from declare.runtime.step.fused_adam import make_update
from declare.runtime.step.gradient_stats import task_gradient_stats
from declare.runtime.step.interfaces import EMA, Batch, Losses, Objective
from declare.runtime.step.lr import LRFactor
from declare.runtime.step.nonfinite import BufferSnapshot, unusable
from declare.runtime.step.rng import key, mix
from declare.runtime.step.strategies.single import SingleProcess, UnskippableBatchError
from declare.system.out_of_memory import is_shortage

Made = TypeVar("Made")
FAILURES = (RuntimeError, ValueError, IndexError)
"""What a batch may raise that is left out."""


class BatchFailedError(Exception):
    """A batch gave no usable gradient; the weights and buffers are as before it."""

    def __init__(self, reason: str, *, finite: bool) -> None:
        super().__init__(reason)
        self.finite = finite
        """False where a loss or gradient was not finite, True where the computation itself failed."""


@dataclass
class StepConfig:
    """What a phase trains with."""

    phase: PhasePlan
    graph: nn.Module
    objective: Objective
    optimizer: torch.optim.Optimizer
    rate: LRFactor
    average: EMA | None
    precision: Precision
    seeds: tuple[int, ...]
    """Seed of the run and index of the phase: the first half of every key."""
    strategy: SingleProcess
    pieces: int = 1
    """Micro-batches that this process makes of its share of a batch."""
    world: ProcessGroup = ALONE
    statistics: StatisticsBySize | None = None
    """Running statistics of norms for each size, where the phase has scales."""


class Step:
    """Makes one optimizer step from the batch of that step.

    Called as `step(number, batch)`; returns (loss, parts), both on the device and unread. The random
    numbers that the graph draws are keyed by (seed, phase, step, micro-batch). Raises `BatchFailedError`.
    """

    def __init__(self, machinery: StepConfig) -> None:
        phase = machinery.phase
        self._objective = machinery.objective
        self._optimizer = machinery.optimizer
        self._update = make_update(machinery.optimizer)
        self._average = machinery.average
        self._precision = machinery.precision
        self._scaler = machinery.precision.scaler
        self._key = key(*machinery.seeds)
        self._generators = _generators(machinery.precision.device)
        self._base = float(phase.optimizer["lr"])
        self._own_bases = {group.match: group.lr for group in phase.groups if group.lr != self._base}
        self._bases = [group["lr"] for group in machinery.optimizer.param_groups]
        self._parameters = [item for group in machinery.optimizer.param_groups for item in group["params"]]
        self.rate = machinery.rate
        self._last_rate: float | None = None
        self._pieces = machinery.pieces
        self._together = group_size(phase)
        self._strategy = machinery.strategy
        self._world = machinery.world
        self.scales = (machinery.objective.scales, machinery.statistics)
        """The sizes of the phase and norm statistics for each, where it has several."""
        self._pass = make_pass(machinery.objective, self, machinery.statistics)
        self._unshared = _unshared_statistics(machinery) if self._world.size > 1 else []
        self._tasks = [name for name, weight in phase.tasks.items() if weight > 0]
        self._balance = machinery.objective.balance
        self._clip = _clipping(phase.clip, mixed=len(kinds(self._parameters)) > 1)
        self._merged = _merged_statistics(machinery)
        skips = phase.on_batch_error["action"] == "skip"
        more = machinery.statistics.tensors if machinery.statistics is not None else ()
        self._buffers = BufferSnapshot(machinery.graph, more) if skips else None

    def __call__(self, number: int, batch: Batch) -> Losses:
        """Make the step `number`."""
        self._hold_statistics(number)
        if self._buffers is None:
            loss, parts = self.gradients(number, batch)
        else:
            loss, parts = self._skip_on_failure(number, batch, self._buffers)
        self.apply(number)
        return loss, parts

    def _hold_statistics(self, number: int) -> None:
        """Let the model hold the running statistics of the size that it is evaluated at after this step."""
        scales, statistics = self.scales
        if scales is None or statistics is None:
            return
        if statistics.hold(scales.evaluated(number)) and self._average is not None:
            self._average.restart_statistics()

    def share_statistics(self) -> None:
        """Give all processes the mean of running statistics that each has gathered from its own rows.

        They are linear in what is seen, so that it does not matter when this is done; batch norms share theirs.
        """
        if self._unshared:
            self._world.average(self._unshared)

    def gradients(self, number: int, batch: Batch) -> Losses:
        """Fill the gradients for a step; return (loss, parts) of the whole batch."""
        self._strategy.begin()
        for parameter in self._parameters:
            parameter.grad = None
        # What is drawn for rows differs between processes, which hold other rows.
        batch = self._all_ranks_or_none(
            self._objective.prepare, batch, mix(self._key, number) + self._world.rank
        )
        if self._balance is None:
            loss, parts = self._accumulate(number, batch)
        else:
            loss, parts = self._with_balancing(self._balance, number, batch)
        self._collective(self._strategy.complete, self._parameters)
        return loss, parts

    def _with_balancing(self, balance: Balance, number: int, batch: Batch) -> Losses:
        """Let a balance make one gradient of several."""
        balance.begin(number, self._parameters)
        loss, parts = self._accumulate(number, batch)
        scale = 1.0 if self._scaler is None else self._scaler.get_scale()
        term = balance.finish(self._world.mean(parts), scale, mix(mix(self._key, number), -1))
        if term is None:
            return loss, parts
        self.backward(term)
        return loss + term.detach(), parts

    def _accumulate(self, number: int, batch: Batch) -> Losses:
        """Add up the gradients of a step's micro-batches."""
        base = mix(self._key, number)
        if self._pieces == self._world.size == 1:
            return self._pass(number, batch, None, mix(base, 0), last=True)
        cut = [batch] if self._pieces == 1 else list(split(batch, self._cuts(batch), self._together))
        totals = self._strategy.totals(self._all_ranks_or_none(self._strategy.weigh, batch, cut))
        first = self._world.rank * self._pieces
        losses, all_parts, merged = [], [], self._merged
        rows = [] if merged is None else self._shares(cut)
        if merged is not None:
            merged.begin()
        for index, piece in enumerate(cut):
            last = index + 1 == len(cut)
            loss, parts = self._pass(number, piece, totals, mix(base, first + index), last=last)
            self._strategy.taken(self._parameters)
            losses.append(loss)
            all_parts.append(parts)
            if merged is not None:
                merged.take(rows[index])
        if merged is not None:
            merged.finish()
        share = self._strategy.share
        return torch.stack(losses).sum() * share, torch.stack(all_parts).sum(0) * share

    def _shares(self, cut: list[Batch]) -> list[float]:
        """Return the share of each micro-batch in the rows of the step, over all processes."""
        rows = torch.tensor([float(count_rows(piece)) for piece in cut], device=self._precision.device)
        total = self._world.sum(rows) if self._world.size > 1 else rows
        found: list[float] = (total / total.sum()).tolist()
        return found

    def _cuts(self, batch: Batch) -> dict[str, int]:
        """Return into how many micro-batches each dataset goes: in all processes alike, as layers may meet there."""
        names = sorted(batch)
        rows = self._world.least(*(_rows(batch[name]) for name in names))
        return {
            name: len(bounds(count, self._pieces, self._together))
            for name, count in zip(names, rows, strict=True)
        }

    def forward(self, batch: Batch, totals: Tensor | None, seed: int, *, last: bool) -> Losses:
        """Return (loss, parts) of a micro-batch, its random draws keyed by `seed`."""
        for generator in self._generators:
            generator.manual_seed(seed)
        if self._precision.autocast is None:
            return self._all_ranks_or_none(self._strategy, batch, totals, last=last)
        with self._precision.autocast:
            return self._all_ranks_or_none(self._strategy, batch, totals, last=last)

    def _all_ranks_or_none(self, function: Callable[..., Made], *arguments: Any, **named: Any) -> Made:
        """Call a function; where failing batches are skipped, all processes fail if one does."""
        if self._buffers is None or self._world.size == 1:
            return function(*arguments, **named)
        made, failure = None, None
        try:
            made = function(*arguments, **named)
        except FAILURES as error:
            if self._is_fatal(error):
                raise
            if self._objective.meets:
                raise UnskippableBatchError(error) from error
            failure = error
        if self._world.any(failure is not None):
            raise failure or RuntimeError("another process could not compute its share of the batch")
        return made  # type: ignore[return-value]

    def _is_fatal(self, error: Exception) -> bool:
        """Whether leaving the batch out would not help: the next one needs as much memory, and as many processes."""
        return is_shortage(error) or self._world.is_lost(error)

    def settle(self) -> None:
        """Get ready for the parameters that are trained from now on: something was frozen or has thawed."""
        self._strategy.settle()

    def backward(self, loss: Tensor) -> None:
        """Add the loss's gradients; nothing where everything that it depends on is frozen."""
        if not loss.requires_grad:
            return
        if self._scaler is not None:
            loss = self._scaler.scale(loss)
        self._collective(loss.backward if self._balance is None else partial(self._balance.backward, loss))

    def _collective(self, function: Callable[..., object], *arguments: Any) -> None:
        """Call what other processes are in the midst of too: where it fails here, none can leave the batch out."""
        try:
            function(*arguments)
        except FAILURES as error:
            if self._world.size == 1 or self._world.is_lost(error):
                raise
            raise UnskippableBatchError(error) from error

    def apply(self, number: int) -> None:
        """Change the weights by the gradients that stand in them."""
        self.set_lr(number)
        if self._scaler is None:
            if self._clip is not None:
                self._clip(self._parameters)
            self._update()
        elif any(item.grad is not None for item in self._parameters):
            if self._clip is not None:
                self._scaler.unscale_(self._optimizer)
                self._clip(self._parameters)
            self._scaler.step(self._optimizer)
            self._scaler.update()
        if self._average is not None:
            self._average.update()

    def set_lr(self, number: int) -> None:
        """Give each group of the optimizer its learning rate at a step."""
        rate = self.rate(number)
        if rate != self._last_rate:
            # Read anew: loading a state gives the optimizer new groups.
            for group, base in zip(self._optimizer.param_groups, self._bases, strict=True):
                group["lr"] = base * rate
            self._last_rate = rate

    def _skip_on_failure(self, number: int, batch: Batch, buffers: BufferSnapshot) -> Losses:
        buffers.remember()
        try:
            loss, parts = self.gradients(number, batch)
        except FAILURES as error:
            if self._is_fatal(error):
                raise
            buffers.restore()
            raise BatchFailedError(first_line(error), finite=True) from error
        reason = unusable(loss, self._parameters, self._world, scaled=self._scaler is not None)
        if reason is not None:
            buffers.restore()
            raise BatchFailedError(reason, finite=False)
        return loss, parts

    def missed(self) -> int:
        """Return how many updates since the last call came to nothing; waits for the device.

        Raises `FloatingPointError` where the gradients of no scale are finite.
        """
        return 0 if self._scaler is None else self._scaler.missed()

    def gradients_seen(self) -> list[tuple[int, dict[str, Any]]]:
        """Return (step, norms and cosines of the tasks' gradients) of what was measured since the last call."""
        return [] if self._balance is None else task_gradient_stats(self._balance, self._tasks)

    @property
    def rate_now(self) -> float:
        """The phase's learning rate as last used: that of parameters whose group states none."""
        return self._base * (1.0 if self._last_rate is None else self._last_rate)

    @property
    def group_rates(self) -> dict[str, float]:
        """Pattern -> learning rate as last used, of the groups that state another one than the phase's."""
        factor = 1.0 if self._last_rate is None else self._last_rate
        return {match: base * factor for match, base in self._own_bases.items()}


def _merged_statistics(machinery: StepConfig) -> StepStatistics | None:
    """Return what lets norm statistics move once a step, where a step has micro-batches and there are some."""
    if machinery.pieces == 1:
        return None
    of_sizes = machinery.statistics.tensors if machinery.statistics is not None else []
    found = {id(item): item for item in (*norm_buffers(machinery.graph), *of_sizes)}
    return StepStatistics(list(found.values())) if found else None


def _unshared_statistics(machinery: StepConfig) -> list[Tensor]:
    """Return the running statistics, of all sizes, of norms that do not share theirs in a forward pass."""
    names = unshared_norms(machinery.graph)
    found = [
        item for name in names for item in running_statistics(machinery.graph.get_submodule(name)).values()
    ]
    if machinery.statistics is not None:
        found += machinery.statistics.of(names)
    return found


def split(batch: Batch, pieces: Mapping[str, int], together: int = 1) -> Iterator[Batch]:
    """Yield a step batch in micro-batches; each dataset's rows are cut evenly, into as many as `pieces` says.

    Groups of `together` rows stay whole.
    """
    cut = {name: bounds(_rows(fields), pieces[name], together) for name, fields in batch.items()}
    for index in range(max(map(len, cut.values()))):
        yield {
            dataset: {name: tensor[slice(*cut[dataset][index])] for name, tensor in fields.items()}
            for dataset, fields in batch.items()
            if index < len(cut[dataset])
        }


def count_rows(batch: Batch) -> int:
    """Return the number of samples in a batch."""
    return sum(map(_rows, batch.values()))


def _rows(fields: Mapping[str, Tensor]) -> int:
    return len(next(iter(fields.values())))


def _clipping(block: dict[str, Any] | None, *, mixed: bool) -> Callable[[list[Tensor]], None] | None:
    if block is None:
        return None
    norm, value = block.get("norm"), block.get("value")
    shorten = clip_norm if mixed else nn.utils.clip_grad_norm_

    def clip(parameters: list[Tensor]) -> None:
        if value is not None:
            nn.utils.clip_grad_value_(parameters, value)
        if norm is not None:
            shorten(parameters, norm)

    return clip


def _generators(device: torch.device) -> list[torch.Generator]:
    if device.type == "cuda":
        torch.cuda.init()
        index = device.index if device.index is not None else torch.cuda.current_device()
        return [torch.default_generator, torch.cuda.default_generators[index]]
    if device.type == "mps":
        return [torch.default_generator, torch.mps._get_default_mps_generator()]  # noqa: SLF001
    return [torch.default_generator]
