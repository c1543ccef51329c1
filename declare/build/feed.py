"""Batches: which samples a step takes is a pure function of (seed, phase, dataset, step).

The order of an epoch is a permutation keyed by the seed; the position is the step alone, so a run that
goes on after a kill gets the batches that it would have got.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from declare.build.sharing import dealt, pieces, share
from declare.build.store import Tables
from declare.build.suspects import hanging, suspects
from declare.contract import reading
from declare.contract.problem import Problem, ProblemError
from declare.contract.training import Sampler
from declare.data import ahead
from declare.ir.plan import PhasePlan, Plan

Fields = dict[str, Tensor]
Batch = dict[str, Fields]
Raw = tuple[Fields, Tensor, int]
"""Fetched samples with their positions and their epoch."""
Array = np.ndarray[Any, Any]


def make_feed(
    plan: Plan, phase: PhasePlan, tables: Tables, device: torch.device, rank: int = 0, world: int = 1
) -> Feed:
    """Return the training batches of a phase: this rank's share of each global batch.

    A batch with fewer rows than there are processes (the rest of an epoch) goes to all of them.
    """
    streams = [
        Stream(phase, name, tables, device, epochs_end=len(phase.datasets) == 1, place=(rank, world))
        for name in phase.datasets
    ]
    return Feed(phase, streams, _num_threads(plan), tables.report)


def _num_threads(plan: Plan) -> int:
    """Return how many threads decode: `hardware.workers`, or as many as the processor has use for."""
    workers = plan.hardware.workers
    return ahead.num_threads() if workers == "auto" else max(1, workers)


class Feed:
    """The batches of a phase, one for each optimizer step."""

    def __init__(
        self, phase: PhasePlan, streams: Sequence[Stream], threads: int, report: Callable[[], None]
    ) -> None:
        self._phase = phase
        self._report = report
        self._streams = streams
        self._threads = threads

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """Yield the batches of steps `start` to `stop`; those that need decoding are prepared ahead."""
        steps = range(start, stop)
        if all(stream.is_resident for stream in self._streams):
            return map(self._alternating if self._phase.alternate else self._joint, steps)
        return self._ahead(steps)

    def _joint(self, step: int) -> Batch:
        return {stream.name: stream.batch(step) for stream in self._streams}

    def _alternating(self, step: int) -> Batch:
        stream = self._streams[step % len(self._streams)]
        return {stream.name: stream.batch(step // len(self._streams))}

    def _ahead(self, steps: range) -> Iterator[Batch]:
        """Decode a few steps ahead in threads; what draws random numbers is left to the caller's thread."""

        def fetch(step: int) -> list[tuple[Stream, Raw]]:
            return [(stream, stream.fetch(number)) for stream, number in self._turn(step)]

        try:
            for parts in ahead.in_order(fetch, steps, self._threads, self._threads + 2):
                self._report()
                yield {stream.name: stream.finish(raw) for stream, raw in parts}
        except ahead.StalledError as error:
            raise ProblemError(hanging(error, self._turn(int(str(error.item))))) from None
        finally:
            self._report()

    def about(self, step: int) -> list[str]:
        """Return what is worth knowing of the samples of a step whose loss is not finite."""
        return [line for stream, number in self._turn(step) for line in suspects(stream, number)]

    def _turn(self, step: int) -> list[tuple[Stream, int]]:
        """Return whose batches make the batch of a step, each with its number."""
        if not self._phase.alternate:
            return [(stream, step) for stream in self._streams]
        number, turn = divmod(step, len(self._streams))
        return [(self._streams[turn], number)]


class Stream:
    """The endless sequence of epochs of one dataset in one phase, cut into batches.

    Where `epochs_end`, the last batch of an epoch holds what is left of it; else batches run on.
    """

    def __init__(
        self,
        phase: PhasePlan,
        name: str,
        tables: Tables,
        device: torch.device,
        *,
        epochs_end: bool,
        place: tuple[int, int],
    ) -> None:
        plan = tables.plan
        self.name = name
        self._columns = Columns(plan, name, "train", tables, device)
        self._size = tables.table(name, "train").num_samples
        self._rows = phase.rows[name]
        self._epochs_end = epochs_end
        self._place = place
        self._pieces = pieces(plan, phase, place[1])
        self._exact = plan.hardware.determinism == "exact"
        self._seed = plan.seed
        self._key = [plan.seed, zlib.crc32(phase.name.encode()), zlib.crc32(name.encode())]
        self._phase = phase
        sampler: Any = reading.parse("samplers", phase.sampler)
        sampler = sampler.chosen({field: item.shape for field, item in plan.datasets[name].fields.items()})
        self._sampler: Sampler = sampler.settled(phase.steps, phase.steps_per_epoch).for_batches(self._rows)
        self._sampled_by = {
            field: tables.table(name, "train").array(field) for field in self._sampler.columns()
        }
        self._orders: dict[int, Tensor] = {}
        # Samples that the whole phase takes from this dataset.
        turns = len(phase.datasets) if phase.alternate else 1
        batch = self._size / -(-self._size // self._rows) if epochs_end else self._rows
        self._total = phase.steps * batch / turns

    @property
    def is_resident(self) -> bool:
        """Whether every field is held whole, so that a batch is one gather for each."""
        return self._columns.is_resident

    def batch(self, step: int) -> Fields:
        """Return this rank's share of the rows of the `step`-th batch of this dataset."""
        epoch, positions = self._share_of(step)
        return self._columns.take(positions, (self._seed, epoch))

    def fetch(self, step: int) -> Raw:
        """Return what `finish` makes the batch of; any thread may ask for it."""
        epoch, positions = self._share_of(step)
        return *self._columns.fetch(positions), epoch

    def samples(self, step: int) -> list[tuple[int, str]]:
        """Return (row, where it stands) of this rank's share of the `step`-th batch."""
        return self._columns.table.where(self._share_of(step)[1].cpu().numpy())

    def hanging(self, error: ahead.StalledError, step: int) -> Problem | None:
        """Return the finding that decoding the `step`-th batch hangs; None where nothing of it is decoded."""
        positions = self._share_of(step)[1].cpu().numpy()
        decoded = self._columns.decoded
        return self._columns.table.hanging(error, decoded[0], positions) if decoded else None

    def finish(self, raw: Raw) -> Fields:
        """Return the batch of what was fetched."""
        found, positions, epoch = raw
        return self._columns.changed(found, positions, (self._seed, epoch))

    def _share_of(self, step: int) -> tuple[int, Tensor]:
        epoch, positions = self._positions(step)
        rank, world = self._place
        if world > 1:
            step = self._sampler.together
            groups = -(-len(positions) // step)
            if groups < world:
                return epoch, positions
            cut = (groups, rank, world, self._pieces)
            spans = [share(*cut)] if self._exact else dealt(*cut)
            positions = torch.cat([positions[first * step : last * step] for first, last in spans])
        return epoch, positions

    def _positions(self, step: int) -> tuple[int, Tensor]:
        if self._epochs_end:
            per_epoch = -(-self._size // self._rows)
            epoch, within = divmod(step, per_epoch)
            return epoch, self._order(epoch)[within * self._rows : (within + 1) * self._rows]
        epoch, start = divmod(step * self._rows, self._size)
        found = self._order(epoch)[start : start + self._rows]
        first = epoch
        while len(found) < self._rows:
            epoch += 1
            found = torch.cat([found, self._order(epoch)[: self._rows - len(found)]])
        return first, found

    def _order(self, epoch: int) -> Tensor:
        order = self._orders.get(epoch)
        if order is None:
            progress = min(1.0, epoch * self._size / max(1, self._total))
            generator = np.random.default_rng([*self._key, epoch])
            found = self._sampler.order(self._size, self._sampled_by, generator, progress)
            order = torch.from_numpy(np.ascontiguousarray(found, np.int64)).to(self._columns.index_device)
            # The last epochs are enough: steps move forward, threads are a few batches apart.
            self._orders = {key: kept for key, kept in self._orders.items() if key >= epoch - 2} | {
                epoch: order
            }
        return order


class Columns:
    """The fields of a split that the plan uses, taken by position and changed by its batch-time transforms."""

    def __init__(self, plan: Plan, dataset: str, split: str, tables: Tables, device: torch.device) -> None:
        self.table = tables.table(dataset, split)
        self._device = device
        names = used_fields(plan, dataset)
        self._tensors = {
            name: tables.tensor(dataset, split, name, device)
            for name in names
            if self.table.is_resident(name)
        }
        self.decoded = [name for name in names if name not in self._tensors]
        self._changes = {name: self._steps(plan, dataset, split, name, tables) for name in names}
        shapes = {name: plan.datasets[dataset].fields[name].shape for name in names}
        self._lengths = {
            name: _lengths(self.table.array(name))
            for name in self._tensors
            if shapes[name].layout == "tokens"
        }
        self._plain = not self.decoded and not any(self._changes.values()) and not self._lengths
        self._local = all(tensor.device.type == device.type for tensor in self._tensors.values())
        self._items = tuple(self._tensors.items())

    @property
    def is_resident(self) -> bool:
        """Whether nothing needs decoding."""
        return not self.decoded

    @property
    def index_device(self) -> torch.device:
        """Where positions are best kept: beside the samples, unless keys of samples are made of them too."""
        return self._device if self._local and self._plain else torch.device("cpu")

    def take(self, positions: Tensor, key: tuple[int, int]) -> Fields:
        """Return the samples at `positions`; random transforms draw by `key` (seed, epoch) and the sample."""
        if self._plain and self._local:
            return {name: tensor.index_select(0, positions) for name, tensor in self._items}
        found, positions = self.fetch(positions)
        return self.changed(found, positions, key)

    def fetch(self, positions: Tensor) -> tuple[Fields, Tensor]:
        """Return the samples at `positions` before batch-time transforms, and the positions that were read.

        Others stand for samples that cannot be read, where the dataset skips these. Any thread may ask.
        """
        decoded: dict[str, Array] = {}
        if self.decoded:
            rows, decoded = self.table.sound(self.decoded, positions.cpu().numpy())
            positions = torch.from_numpy(rows)
        found = {name: self._gathered(self._cut(name, positions), positions) for name, _ in self._items}
        for name in self._lengths:
            found[name] = found[name].long()
        found |= {name: torch.from_numpy(values).to(self._device) for name, values in decoded.items()}
        return found, positions

    def changed(self, found: Fields, positions: Tensor, key: tuple[int, int]) -> Fields:
        """Return fetched samples with their batch-time transforms applied.

        Transforms of torchvision draw from the one generator of the process: only the thread that trains calls this.
        """
        if any(self._changes.values()):
            keys = sample_keys(key, self.table.rows[positions.cpu().numpy()])
            for name, steps in self._changes.items():
                for step in steps:
                    found[name] = step(found[name], keys)
        return found

    def _cut(self, name: str, positions: Tensor) -> Tensor:
        """Return a whole field, texts no longer than the longest at `positions`: batches hold little padding."""
        lengths = self._lengths.get(name)
        if lengths is None:
            return self._tensors[name]
        return self._tensors[name][:, : int(lengths[positions.cpu().numpy()].max(initial=1))]

    def _gathered(self, tensor: Tensor, positions: Tensor) -> Tensor:
        found = tensor.index_select(0, positions.to(tensor.device))
        if found.device.type == self._device.type:
            return found
        return (
            found.pin_memory().to(self._device, non_blocking=True) if self._device.type == "cuda" else found
        )

    def _steps(self, plan: Plan, dataset: str, split: str, field: str, tables: Tables) -> list[Step]:
        """Return the batch-time transforms of a field; stored ones that follow a random one run here too."""
        pool, statistics = tables.pool(dataset), tables.statistics.get(dataset, {})
        shape = plan.datasets[dataset].fields[field].facts.shape
        for _, transform in pool.stored(field, split):
            shape = transform.infer(shape)  # type: ignore[assignment]
        steps: list[Step] = []
        for index, transform in pool.batched(field, split):
            own = statistics.get(f"{index}.{field}", {})
            if transform.stored:
                steps.append(partial(_applied, transform, own))
            else:
                module: nn.Module = transform.build(shape, own).to(self._device).eval()
                steps.append(module)
            shape = transform.infer(shape)  # type: ignore[assignment]
        return steps


Step = Callable[[Tensor, Array], Tensor]


def _lengths(tokens: Array) -> Array:
    """Return the number of tokens of each text [samples]."""
    found: Array = (tokens >= 0).sum(axis=1)
    return found


def _applied(transform: Any, statistics: dict[str, list[float]], values: Tensor, keys: Array) -> Tensor:  # noqa: ARG001
    return torch.from_numpy(transform.apply(values.cpu().numpy(), statistics)).to(values.device)


def used_fields(plan: Plan, dataset: str) -> list[str]:
    """Return the fields of a dataset that nodes and tasks of the plan read."""
    wires = [wire for node in plan.nodes for wire in node.wires]
    wires += [wire for node in plan.nodes for variant in node.variants.values() for wire in variant.wires]
    used = {wire.name for wire in wires if wire.source == "field"}
    for task in plan.tasks.values():
        if dataset in task.datasets:
            used |= {name for name in (task.target_field, task.mask, *task.fields) if name}
    return [name for name in plan.datasets[dataset].fields if name in used]


def sample_keys(key: tuple[int, int], rows: Array) -> Array:
    """Return one 64-bit key for each sample, mixed from (seed, epoch, row) as splitmix64 does."""
    with np.errstate(over="ignore"):
        mixed = rows.astype(np.uint64) + np.uint64(key[0]) * np.uint64(0x9E3779B97F4A7C15)
        mixed = mixed + np.uint64(key[1]) * np.uint64(0xD1B54A32D192ED03)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        found: Array = mixed ^ (mixed >> np.uint64(31))
    return found


def evaluation_batches(
    tables: Tables,
    dataset: str,
    split: str,
    batch_size: int,
    device: torch.device,
    numbers: range | None = None,
) -> Iterator[Fields]:
    """Yield a whole split in order, or the batches of `numbers` alone."""
    columns = Columns(tables.plan, dataset, split, tables, device)
    size = tables.table(dataset, split).num_samples
    numbers = range(-(-size // batch_size)) if numbers is None else numbers
    spans = (torch.arange(at * batch_size, min((at + 1) * batch_size, size)) for at in numbers)
    key = (tables.plan.seed, 0)
    if not columns.decoded:
        yield from (columns.take(positions.to(columns.index_device), key) for positions in spans)
        return
    threads = _num_threads(tables.plan)
    try:
        for found, positions in ahead.in_order(columns.fetch, spans, threads, threads + 2):
            tables.report()
            if len(positions):
                yield columns.changed(found, positions, key)
    except ahead.StalledError as error:
        rows = np.asarray(error.item)
        raise ProblemError(columns.table.hanging(error, columns.decoded[0], rows)) from None
