"""The fields of a split as tensors: samples taken by position, with their lengths if these differ."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from declare.contract.kinds.transform import Transform
from declare.contract.lengths import lengths_name
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array, Shape
from declare.data.store.statistics import in_transform
from declare.ir.plan import Plan
from declare.ir.sample_lengths import field_spans, is_fixed, joined_fields, least_length
from declare.lowering.data.tables import Tables
from declare.nn.precision import on_device

Fields = dict[str, Tensor]


class Columns:
    """The fields of a split that the plan uses, taken by position and changed by its batch-time transforms.

    If samples of a field differ in length, `FIELD.lengths` [B] states how long they are; of texts their ids do.
    """

    def __init__(self, plan: Plan, dataset: str, split: str, tables: Tables, device: torch.device) -> None:
        self.table = tables.table(dataset, split)
        self._device = device
        names = used_fields(plan, dataset)
        self._tensors = {
            name: tables.tensor(dataset, split, name, device)
            for name in names
            if self.table.is_resident(name)
        }
        self.decoded_fields = [name for name in names if name not in self._tensors]
        self._batch_transforms = {name: self._steps(plan, dataset, split, name, tables) for name in names}
        fields = plan.datasets[dataset].fields
        self._texts = [name for name in names if fields[name].shape.layout == "tokens"]
        self._lengths = {
            name: lengths for name in self._tensors if (lengths := self.table.lengths(name)) is not None
        }
        self._cuts = _cut_axes(plan, {name: fields[name].shape for name in self._lengths})
        spans = field_spans(plan.datasets[dataset])
        self._min_lengths = {
            name: least_length(plan.nodes, dataset, spans[name])
            for name in names
            if name in spans and name not in self._texts
        }
        self._decoded_with_lengths = [name for name in self.decoded_fields if name in self._min_lengths]
        self._pairs = joined_fields(plan.nodes, dataset, spans) if spans else set()
        self._require_lengths(self._lengths, np.arange(self.table.num_samples))
        self._plain = (
            not self.decoded_fields and not any(self._batch_transforms.values()) and not self._lengths
        )
        self._local = all(tensor.device.type == device.type for tensor in self._tensors.values())
        self._items = tuple(self._tensors.items())

    @property
    def is_resident(self) -> bool:
        """Whether nothing needs decoding."""
        return not self.decoded_fields

    @property
    def index_device(self) -> torch.device:
        """Where positions are best kept: beside the samples, unless keys of samples are made of them too."""
        return self._device if self._local and self._plain else torch.device("cpu")

    def take(self, positions: Tensor, key: tuple[int, int]) -> Fields:
        """Return the samples at `positions`; random transforms draw by `key` (seed, epoch) and the sample."""
        if self._plain and self._local:
            return {name: tensor.index_select(0, positions) for name, tensor in self._items}
        fields, positions = self.fetch(positions)
        return self.apply_batch_transforms(fields, positions, key)

    def fetch(self, positions: Tensor) -> tuple[Fields, Tensor]:
        """Return the samples at `positions` before batch-time transforms, and the positions that were read.

        Others stand for samples that cannot be read, if the dataset skips these. Any thread may ask.
        """
        decoded: dict[str, Array] = {}
        if self.decoded_fields:
            rows, decoded = self.table.sound(self.decoded_fields, positions.cpu().numpy())
            positions = torch.from_numpy(rows)
        fields = {name: self._gather(self._shorten(name, positions), positions) for name, _ in self._items}
        fields |= {
            name: on_device(torch.from_numpy(values), self._device) for name, values in decoded.items()
        }
        for name in self._texts:
            fields[name] = fields[name].long()
        for name in self._min_lengths:
            if lengths_name(name) not in fields:
                lengths = self._lengths[name][positions.cpu().numpy()]
                fields[lengths_name(name)] = torch.from_numpy(lengths).to(self._device)
        if decoded:
            self._require_lengths(
                {name: decoded[lengths_name(name)] for name in self._decoded_with_lengths},
                positions.cpu().numpy(),
            )
        return fields, positions

    def _require_lengths(self, lengths: Mapping[str, Array], positions: Array) -> None:
        """Raise `ProblemError` for a sample that has too few steps for the model, or not as many in two fields."""
        for name, field_lengths in lengths.items():
            short = np.flatnonzero(field_lengths < self._min_lengths.get(name, 1))
            if len(short):
                place = self.table.where(positions[short[:1]])[0][1]
                raise ProblemError(
                    _too_short(name, int(field_lengths[short[0]]), self._min_lengths[name], place)
                )
        for one, other in self._pairs:
            if one in lengths and other in lengths:
                unequal = np.flatnonzero(lengths[one] != lengths[other])
                if len(unequal):
                    pair = {name: int(lengths[name][unequal[0]]) for name in (one, other)}
                    raise ProblemError(_unequal(pair, self.table.where(positions[unequal[:1]])[0][1]))

    def apply_batch_transforms(self, fields: Fields, positions: Tensor, key: tuple[int, int]) -> Fields:
        """Return fetched samples with their batch-time transforms applied.

        Transforms of torchvision draw from the one generator of the process: only the thread that trains calls this.
        """
        if any(self._batch_transforms.values()):
            keys = sample_keys(key, self.table.rows[positions.cpu().numpy()])
            for name, steps in self._batch_transforms.items():
                for step in steps:
                    fields[name] = step(fields[name], keys)
        return fields

    def _shorten(self, name: str, positions: Tensor) -> Tensor:
        """Return a whole field, no longer than its longest sample at `positions`: batches hold little padding."""
        axis = self._cuts.get(name)
        if axis is None:
            return self._tensors[name]
        longest = int(self._lengths[name][positions.cpu().numpy()].max(initial=1))
        return self._tensors[name].narrow(axis, 0, longest)

    def _gather(self, tensor: Tensor, positions: Tensor) -> Tensor:
        rows = tensor.index_select(0, positions.to(tensor.device))
        if rows.device.type == self._device.type:
            return rows
        return rows.pin_memory().to(self._device, non_blocking=True) if self._device.type == "cuda" else rows

    def _steps(self, plan: Plan, dataset: str, split: str, field: str, tables: Tables) -> "list[Step]":
        """Return the batch-time transforms of a field; stored ones that follow a random one run here too."""
        pool, statistics = tables.pool(dataset), tables.statistics.get(dataset, {})
        shape = plan.datasets[dataset].fields[field].facts.shape
        for _, transform in pool.stored_transforms(field, split):
            shape = transform.infer(shape)  # type: ignore[assignment]
        steps: list[Step] = []
        for index, transform in pool.batch_transforms(field, split):
            fitted_statistics = statistics.get(f"{index}.{field}", {})
            if transform.stored:
                place = partial(in_transform, pool=pool, place=(field, split), index=index)
                steps.append(partial(_apply, transform, fitted_statistics, place))
            else:
                module: nn.Module = transform.build(shape, fitted_statistics).to(self._device).eval()
                steps.append(module)
            shape = transform.infer(shape)  # type: ignore[assignment]
        return steps


Step = Callable[[Tensor, Array], Tensor]


def _cut_axes(plan: Plan, shapes: Mapping[str, Shape]) -> dict[str, int]:
    """Return the axes along which batches are as long as their longest sample.

    If the bits must not depend on who computes which rows, series are as long as the longest of their split.
    """
    exact = plan.hardware.determinism == "exact"
    return {
        name: 1 + (shape.time_axis or 0)
        for name, shape in shapes.items()
        if not is_fixed(shape) and (shape.layout == "tokens" or not exact)
    }


def _too_short(field: str, steps: int, min_steps: int, place: str) -> Problem:
    """Return the finding that a sample has fewer steps than the model needs."""
    return Problem(
        "SHP533",
        f"a sample of `{field}` has {steps} steps, the model needs {min_steps}",
        notes=(f"it is {place}",),
        helps=("leave the sample out, or train with shorter patches or kernels",),
    )


def _unequal(steps: Mapping[str, int], place: str) -> Problem:
    """Return the problem that a sample has different numbers of steps in two joined fields."""
    (one, first), (other, second) = steps.items()
    return Problem(
        "SHP534",
        f"a sample has {first} steps of `{one}` and {second} of `{other}`",
        notes=(f"it is {place}", "the model joins them step by step"),
        helps=("leave the sample out, or join pooled vectors in the model",),
    )


def _apply(
    transform: Transform,
    statistics: dict[str, list[float]],
    place: Callable[[Problem], Problem],
    values: Tensor,
    keys: Array,  # noqa: ARG001
) -> Tensor:
    """Return what a stored transform makes of a batch; raises `ProblemError` for values without image."""
    try:
        array = torch.from_numpy(transform.apply(values.cpu().numpy(), statistics))
    except ProblemError as error:
        raise ProblemError(*map(place, error.problems)) from None
    # What was rounded before stays so: transforms compute in double precision.
    rounded = array.float() if values.dtype != torch.float64 and array.is_floating_point() else array
    return rounded.to(values.device)


def used_fields(plan: Plan, dataset: str) -> list[str]:
    """Return the fields of a dataset that nodes and tasks of the plan read."""
    wires = [wire for node in plan.nodes for wire in node.wires]
    wires += [wire for node in plan.nodes for variant in node.variants.values() for wire in variant.wires]
    names = {wire.name for wire in wires if wire.source == "field"}
    for task in plan.tasks.values():
        if dataset in task.datasets:
            names |= {name for name in (task.target_field, task.mask, *task.fields) if name}
    return [name for name in plan.datasets[dataset].fields if name in names]


def sample_keys(key: tuple[int, int], rows: Array) -> Array:
    """Return one 64-bit key for each sample, mixed from (seed, epoch, row) as splitmix64 does."""
    with np.errstate(over="ignore"):
        bits = rows.astype(np.uint64) + np.uint64(key[0]) * np.uint64(0x9E3779B97F4A7C15)
        bits = bits + np.uint64(key[1]) * np.uint64(0xD1B54A32D192ED03)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        keys: Array = bits ^ (bits >> np.uint64(31))
    return keys
