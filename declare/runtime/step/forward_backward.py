"""Forward and backward passes of a micro-batch: one of each, or several if a phase has scales or a balance."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from declare.nn.balances.balance import Balance
from declare.nn.running_statistics import StatisticsBySize, StepStatistics, norm_buffers
from declare.runtime.machine.precision import Precision
from declare.runtime.step.interfaces import Batch, Losses, Scales
from declare.runtime.step.rng import mix
from declare.runtime.step.split_batch import count_rows
from declare.runtime.step.step_config import StepConfig
from declare.runtime.step.strategies.strategy import Strategy

Part = Literal["forward", "backward", "optimizer"]
_NOT_TIMED = nullcontext()


class PartTimer:
    """Context managers around the parts of a step; they do nothing until `timer` is set."""

    timer: Callable[[Part], AbstractContextManager[Any]] | None = None

    def __call__(self, part: Part) -> AbstractContextManager[Any]:
        """Return the context manager of a part."""
        return _NOT_TIMED if self.timer is None else self.timer(part)


class ForwardBackward(Protocol):
    """How micro-batches become gradients."""

    def start_step(self, number: int, micro_batches: Sequence[Batch]) -> None:
        """Get ready for step `number`."""
        ...

    def __call__(
        self, number: int, batch: Batch, denominators: Tensor | None, seed: int, *, last: bool
    ) -> Losses:
        """Add the gradients of a micro-batch, random draws keyed by `seed`; return (loss, terms), detached.

        Losses are divided by `denominators`. `last` if its backward pass completes the step.
        """
        ...

    def finish_step(self, loss: Tensor, terms: Tensor, seed: int) -> Losses:
        """Complete the gradients from the losses of the whole batch; return (loss, terms)."""
        ...


def make_forward_backward(
    config: StepConfig, parameters: Sequence[Tensor], timer: PartTimer
) -> ForwardBackward:
    """Return the passes that a phase asks for."""
    scales, statistics, balance = config.objective.scales, config.statistics, config.objective.balance
    single = SingleScale(config.strategy, config.precision, timer)
    passes: ForwardBackward = single
    if scales is not None and statistics is not None:
        passes = (JointScales if scales.eager else SequentialScales)(single, scales, statistics)
    if config.micro_batches > 1:
        buffers = norm_buffers(config.graph) if statistics is None else statistics.named_tensors()
        if buffers:
            passes = StatisticsOncePerStep(passes, buffers, config)
    if balance is not None:
        passes = BalancedLosses(passes, single, balance, parameters)
    return passes


class SingleScale:
    """One forward, one backward."""

    def __init__(self, strategy: Strategy, precision: Precision, timer: PartTimer) -> None:
        self.strategy = strategy
        self.scaler = precision.scaler
        self._timer = timer
        self._autocast: AbstractContextManager[Any] = precision.autocast or nullcontext()
        self._generators = _generators(precision.device)

    def start_step(self, number: int, micro_batches: Sequence[Batch]) -> None:
        """Do nothing."""

    def __call__(
        self, number: int, batch: Batch, denominators: Tensor | None, seed: int, *, last: bool
    ) -> Losses:
        """Make the passes."""
        loss, terms = self.forward(batch, denominators, seed, last=last)
        self.backward(loss)
        return loss.detach(), terms.detach()

    def forward(self, batch: Batch, denominators: Tensor | None, seed: int, *, last: bool) -> Losses:
        """Return (loss, terms) of a micro-batch, its random draws keyed by `seed`."""
        with self._timer("forward"), self._autocast:
            for generator in self._generators:
                generator.manual_seed(seed)
            self.strategy.set_gradient_sync(last)
            return self.strategy.model(batch, denominators)

    def backward(self, loss: Tensor) -> None:
        """Add the loss's gradients; nothing if everything that it depends on is frozen."""
        if loss.requires_grad:
            with self._timer("backward"):
                self.strategy.backward(loss if self.scaler is None else self.scaler.scale(loss))

    def finish_step(self, loss: Tensor, terms: Tensor, seed: int) -> Losses:
        """Return the losses."""
        return loss, terms


class SequentialScales:
    """Passes for each scale, one after another: only one of them is in memory at any time.

    The loss is the mean over scales. Smaller scales are compared with predictions of the largest one, which comes
    first and is still there for them, so that its activations are gone when theirs are made.
    """

    def __init__(self, single: SingleScale, scales: Scales, statistics: StatisticsBySize) -> None:
        self._single, self._scales, self._statistics = single, scales, statistics
        self.start_step, self.finish_step = single.start_step, single.finish_step

    def __call__(
        self, number: int, batch: Batch, denominators: Tensor | None, seed: int, *, last: bool
    ) -> Losses:
        """Make the passes."""
        sizes = self._scales.sizes(number)
        share = 1 / len(sizes)
        losses = []
        batches = self._scales.batches(self._single.strategy.objective.augment_once(batch, seed), number)
        for index, (size, resized) in enumerate(zip(sizes, batches, strict=True)):
            scale_seed, final = mix(seed, index), last and index + 1 == len(sizes)
            with self._statistics.at(size):
                loss, terms = self._single.forward(resized, denominators, scale_seed, last=final)
                self._single.backward(loss * share)
            losses.append((loss.detach() * share, terms.detach() * share))
            del loss, terms, resized
        return sum_losses(losses)


class JointScales(SequentialScales):
    """All scales at once, then one backward: as fast, with the activations of all scales in memory."""

    def __call__(
        self, number: int, batch: Batch, denominators: Tensor | None, seed: int, *, last: bool
    ) -> Losses:
        """Make the passes."""
        batches = list(
            self._scales.batches(self._single.strategy.objective.augment_once(batch, seed), number)
        )
        share = 1 / len(batches)
        losses = []
        for index, (size, resized) in enumerate(zip(self._scales.sizes(number), batches, strict=True)):
            scale_seed, final = mix(seed, index), last and index + 1 == len(batches)
            with self._statistics.at(size):
                losses.append(self._single.forward(resized, denominators, scale_seed, last=final))
        self._single.backward(torch.stack([loss for loss, _ in losses]).sum() * share)
        return sum_losses([(loss.detach() * share, terms.detach() * share) for loss, terms in losses])


class BalancedLosses:
    """Other passes, whose losses a balance makes one gradient of."""

    def __init__(
        self, passes: ForwardBackward, single: SingleScale, balance: Balance, parameters: Sequence[Tensor]
    ) -> None:
        self._passes, self._single, self._balance, self._parameters = passes, single, balance, parameters

    def start_step(self, number: int, micro_batches: Sequence[Batch]) -> None:
        """Let the balance begin the step."""
        self._balance.start_step(number, self._parameters)
        self._passes.start_step(number, micro_batches)

    def __call__(
        self, number: int, batch: Batch, denominators: Tensor | None, seed: int, *, last: bool
    ) -> Losses:
        """Make the passes; the strategy's backward pass is that of the balance."""
        return self._passes(number, batch, denominators, seed, last=last)

    def finish_step(self, loss: Tensor, terms: Tensor, seed: int) -> Losses:
        """Let the balance complete the gradients, with a further term of the loss if it has one."""
        loss, terms = self._passes.finish_step(loss, terms, seed)
        scaler, world = self._single.scaler, self._single.strategy.world
        scale = 1.0 if scaler is None else scaler.get_scale()
        term = self._balance.finish_step(world.mean(terms), scale, mix(seed, -1))
        if term is None:
            return loss, terms
        self._single.backward(term)
        return loss + term.detach(), terms


class StatisticsOncePerStep:
    """Other passes, after which norm statistics have moved once for all micro-batches of a step.

    A micro-batch counts by its rows of the datasets that a norm gets.
    """

    def __init__(
        self, passes: ForwardBackward, buffers: Sequence[tuple[str, Tensor]], config: StepConfig
    ) -> None:
        self._passes, self._world, self._device = passes, config.world, config.precision.device
        self._statistics = StepStatistics([item for _, item in buffers])
        self._datasets = [_datasets_of(name, config.datasets_by_module) for name, _ in buffers]
        self._shares: list[list[float]] = []

    def start_step(self, number: int, micro_batches: Sequence[Batch]) -> None:
        """Compute the fraction of each micro-batch in the rows of each norm, over all processes."""
        names = sorted({name for batch in micro_batches for name in batch})
        rows = [
            [float(count_rows({name: batch[name]} if name in batch else {})) for name in names]
            for batch in micro_batches
        ]
        if self._world.size > 1:
            rows = self._world.sum(torch.tensor(rows, device=self._device)).tolist()
        by_datasets = {datasets: _fractions(rows, names, datasets) for datasets in set(self._datasets)}
        self._shares = [
            [by_datasets[datasets][index] for datasets in self._datasets] for index in range(len(rows))
        ]
        self._statistics.start_step()
        self._passes.start_step(number, micro_batches)

    def __call__(
        self, number: int, batch: Batch, denominators: Tensor | None, seed: int, *, last: bool
    ) -> Losses:
        """Make the passes and take in what they changed."""
        losses = self._passes(number, batch, denominators, seed, last=last)
        self._statistics.add_micro_batch(self._shares.pop(0))
        return losses

    def finish_step(self, loss: Tensor, terms: Tensor, seed: int) -> Losses:
        """Let the statistics move."""
        self._statistics.finish_step()
        return self._passes.finish_step(loss, terms, seed)


def _datasets_of(name: str, datasets_by_module: Mapping[str, tuple[str, ...]]) -> tuple[str, ...] | None:
    """Return the datasets whose rows a tensor's module gets; None for all."""
    paths = [path for path in datasets_by_module if name.startswith(f"{path}.")]
    return datasets_by_module[max(paths, key=len)] if paths else None


def _fractions(
    rows: Sequence[Sequence[float]], names: Sequence[str], datasets: Collection[str] | None
) -> list[float]:
    """Return the fraction of each micro-batch in the rows of `datasets` (None: all); `rows` are those of `names`."""
    sums = [
        sum(part for name, part in zip(names, parts, strict=True) if datasets is None or name in datasets)
        for parts in rows
    ]
    return [part / max(sum(sums), 1.0) for part in sums]


def sum_losses(losses: Sequence[Losses], scale: float = 1.0) -> Losses:
    """Return the sum of (loss, terms) times `scale`."""
    if len(losses) == 1 and scale == 1.0:
        return losses[0]
    totals, terms = zip(*losses, strict=True)
    return torch.stack(totals).sum() * scale, torch.stack(terms).sum(0) * scale


def _generators(device: torch.device) -> list[torch.Generator]:
    if device.type == "cuda":
        torch.cuda.init()
        index = device.index if device.index is not None else torch.cuda.current_device()
        return [torch.default_generator, torch.cuda.default_generators[index]]
    if device.type == "mps":
        return [torch.default_generator, torch.mps._get_default_mps_generator()]  # noqa: SLF001
    return [torch.default_generator]
