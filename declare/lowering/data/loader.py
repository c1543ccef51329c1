"""Batches: which samples a step takes is a pure function of (seed, phase, dataset, step).

The order of an epoch is a permutation keyed by the seed; the position is the step alone, so a run that
continues after a kill gets the batches that it would have got.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from declare.contract.kinds.sampler import Sampler
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.data.read import prefetch
from declare.data.store.split_arrays import Table
from declare.ir.micro_batches import num_micro_batches, rank_bounds, share
from declare.ir.plan import PhasePlan, Plan
from declare.lowering.data.bad_samples import hanging, suspects
from declare.lowering.data.columns import Columns, Fields
from declare.lowering.data.multiscale import resize_images
from declare.lowering.data.tables import Tables
from declare.parsing.read_component import read_component

Batch = dict[str, Fields]
Raw = tuple[Fields, Tensor, int]
"""Fetched samples with their positions and their epoch."""


def make_loader(
    plan: Plan, phase: PhasePlan, tables: Tables, device: torch.device, rank: int = 0, world: int = 1
) -> "Loader":
    """Return the training batches of a phase: this rank's part of each global batch.

    A batch with fewer rows than there are processes (the rest of an epoch) goes to all of them.
    """
    streams = [
        DatasetStream(phase, name, tables, device, epochs_end=len(phase.datasets) == 1, place=(rank, world))
        for name in phase.datasets
    ]
    return Loader(phase, streams, _num_threads(plan), tables.report)


def _num_threads(plan: Plan) -> int:
    """Return how many threads decode: `hardware.workers`, or as many as the processor has use for."""
    workers = plan.hardware.workers
    return prefetch.num_threads() if workers == "auto" else max(1, workers)


class Loader:
    """The batches of a phase, one for each optimizer step."""

    def __init__(
        self, phase: PhasePlan, streams: "Sequence[DatasetStream]", threads: int, report: Callable[[], None]
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
        return self._prefetch_batches(steps)

    def _joint(self, step: int) -> Batch:
        return {stream.name: stream.batch(step) for stream in self._streams}

    def _alternating(self, step: int) -> Batch:
        stream = self._streams[step % len(self._streams)]
        return {stream.name: stream.batch(step // len(self._streams))}

    def _prefetch_batches(self, steps: range) -> Iterator[Batch]:
        """Decode a few steps ahead in threads; what draws random numbers is left to the caller's thread."""

        def fetch(step: int) -> list[tuple[DatasetStream, Raw]]:
            return [(stream, stream.fetch(number)) for stream, number in self._turn(step)]

        try:
            for parts in prefetch.in_order(fetch, steps, self._threads, self._threads + 2):
                self._report()
                yield {stream.name: stream.apply_transforms(raw) for stream, raw in parts}
        except prefetch.StalledError as error:
            raise ProblemError(hanging(error, self._turn(int(str(error.item))))) from None
        finally:
            self._report()

    def describe_samples(self, step: int) -> list[str]:
        """Return what is worth knowing of the samples of a step whose loss is not finite."""
        return [line for stream, number in self._turn(step) for line in suspects(stream, number)]

    def _turn(self, step: int) -> "list[tuple[DatasetStream, int]]":
        """Return whose batches make the batch of a step, each with its number."""
        if not self._phase.alternate:
            return [(stream, step) for stream in self._streams]
        number, turn = divmod(step, len(self._streams))
        return [(self._streams[turn], number)]


class DatasetStream:
    """The endless sequence of epochs of one dataset in one phase, cut into batches.

    If `epochs_end`, the last batch of an epoch holds the rest of it; else batches run on.
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
        self._pieces = num_micro_batches(plan, phase, place[1])
        self._exact = plan.hardware.determinism == "exact"
        self._seed = plan.seed
        self._key = [plan.seed, zlib.crc32(phase.name.encode()), zlib.crc32(name.encode())]
        self._phase = phase
        self._sampler: Sampler = read_component("samplers", phase.sampler_of(name))
        self._sampled_by = {
            field: _column(tables.table(name, "train"), field, by_length=self._sampler.by_length)
            for field in self._sampler.columns()
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
        """Return this rank's part of the rows of the `step`-th batch of this dataset."""
        epoch, positions = self._share_of(step)
        return self._columns.take(positions, (self._seed, epoch))

    def fetch(self, step: int) -> Raw:
        """Return what `apply_transforms` makes the batch of; any thread may ask for it."""
        epoch, positions = self._share_of(step)
        return *self._columns.fetch(positions), epoch

    def samples(self, step: int) -> list[tuple[int, str]]:
        """Return (row, place) of this rank's part of the `step`-th batch."""
        return self._columns.table.where(self._share_of(step)[1].cpu().numpy())

    def hanging(self, error: prefetch.StalledError, step: int) -> Problem | None:
        """Return the finding that decoding the `step`-th batch hangs; None if nothing of it is decoded."""
        positions = self._share_of(step)[1].cpu().numpy()
        decoded_fields = self._columns.decoded_fields
        return self._columns.table.hanging(error, decoded_fields[0], positions) if decoded_fields else None

    def apply_transforms(self, raw: Raw) -> Fields:
        """Return the batch of what was fetched."""
        fields, positions, epoch = raw
        return self._columns.apply_batch_transforms(fields, positions, (self._seed, epoch))

    def _share_of(self, step: int) -> tuple[int, Tensor]:
        epoch, positions = self._positions(step)
        rank, world = self._place
        if world > 1:
            step = self._sampler.group_size
            groups = -(-len(positions) // step)
            if groups < world:
                return epoch, positions
            cut = (groups, rank, world, self._pieces)
            spans = [share(*cut)] if self._exact else rank_bounds(*cut)
            positions = torch.cat([positions[first * step : last * step] for first, last in spans])
        return epoch, positions

    def _positions(self, step: int) -> tuple[int, Tensor]:
        if self._epochs_end:
            per_epoch = -(-self._size // self._rows)
            epoch, within = divmod(step, per_epoch)
            return epoch, self._order(epoch)[within * self._rows : (within + 1) * self._rows]
        # An order holds whole groups: what belongs together must not be cut if one epoch goes over into the next.
        group_size = self._sampler.group_size
        epoch, start = divmod(step * self._rows, -(-self._size // group_size) * group_size)
        positions = self._order(epoch)[start : start + self._rows]
        first = epoch
        while len(positions) < self._rows:
            epoch += 1
            positions = torch.cat([positions, self._order(epoch)[: self._rows - len(positions)]])
        return first, positions

    def _order(self, epoch: int) -> Tensor:
        order = self._orders.get(epoch)
        if order is None:
            progress = min(1.0, epoch * self._size / max(1, self._total))
            generator = np.random.default_rng([*self._key, epoch])
            positions = self._sampler.order(self._size, self._sampled_by, generator, progress)
            order = torch.from_numpy(np.ascontiguousarray(positions, np.int64)).to(self._columns.index_device)
            # The last epochs are enough: steps move forward, threads are a few batches apart.
            self._orders = {key: previous for key, previous in self._orders.items() if key >= epoch - 2} | {
                epoch: order
            }
        return order


def _at_evaluation_sizes(fields: Fields, sizes: Mapping[str, int]) -> Fields:
    """Return a batch with images at the sizes that evaluations see them at."""
    return {
        name: resize_images(value, sizes[name]) if name in sizes else value for name, value in fields.items()
    }


def _column(table: Table, field: str, *, by_length: bool) -> Array:
    """Return a whole field before any transform, or the length of each of its samples."""
    if not by_length:
        return table.encoded_values(field, np.arange(table.num_samples))
    lengths = table.lengths(field)
    return np.zeros(table.num_samples, np.int64) if lengths is None else lengths


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
    resize = partial(_at_evaluation_sizes, sizes=tables.evaluation_sizes)
    if not columns.decoded_fields:
        yield from (resize(columns.take(positions.to(columns.index_device), key)) for positions in spans)
        return
    threads = _num_threads(tables.plan)
    try:
        for fields, positions in prefetch.in_order(columns.fetch, spans, threads, threads + 2):
            tables.report()
            if len(positions):
                yield resize(columns.apply_batch_transforms(fields, positions, key))
    except prefetch.StalledError as error:
        rows = np.asarray(error.item)
        raise ProblemError(columns.table.hanging(error, columns.decoded_fields[0], rows)) from None
