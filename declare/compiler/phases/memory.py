"""The memory that a phase takes: weights, gradients, optimizer state, activations and the batch itself."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from declare.contract.shapes import Shape
from declare.ir.plan import HardwarePlan, ModulePlan, PhasePlan, Plan, ScalesPlan, TaskPlan
from declare.parsing.read_component import read_component

_BYTES = {"float32": 4, "int64": 8, "uint8": 1, "bool": 1}
_HALF = {"bf16", "fp16"}
_DECODED = {"image": 1, "video": 1, "mask": 1, "series": 4, "sequence": 4}
"""Bytes of a number in fields that may be decoded from files, which `cache: memory` keeps."""
_STATES = 2
"""Numbers that an optimizer keeps for each parameter, as Adam does, if unknown."""


class Memory(NamedTuple):
    """Bytes by purpose; their sum is a lower bound: kernels' own space and fragments come on top."""

    weights: int
    gradients: int
    optimizer: int
    average: int
    activations: int
    data: int
    copies: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self)

    def per_process(
        self, hardware: HardwarePlan, phase: PhasePlan, phases: Collection[PhasePlan]
    ) -> "Memory":
        """Return the memory of each process, if their number is stated: its rows, and its shards of the model.

        Shards of gradients are cut after the last micro-batch. If the run's `phases` do not agree on a half
        precision, shares are gathered in full, and autocast's copies of them stay until the backward pass.
        """
        size = hardware.processes or 1
        rows = {"activations": -(-self.activations // size), "data": -(-self.data // size)}
        if hardware.strategy != "fsdp" or size == 1:
            return self._replace(**rows)
        shares = {name: -(-getattr(self, name) // size) for name in ("weights", "optimizer", "average")}
        gradients = self.gradients if phase.accumulate > 1 else -(-self.gradients // size)
        alike = len({other.precision for other in phases}) == 1
        copies = 0 if alike or phase.precision not in _HALF else self.weights // 2
        return self._replace(**rows, **shares, gradients=gradients, copies=copies)

    def __str__(self) -> str:
        from declare.rules.byte_sizes import bytes_text

        parts = zip(self._fields, self, strict=True)
        return " + ".join(f"{bytes_text(size)} {name}" for name, size in parts if size)


def of_plan(plan: Plan, phase: PhasePlan) -> Memory | None:
    """Return the memory of each process in a plan's phase by purpose; None if sizes vary."""
    memory = estimate(phase, {node.path: node for node in plan.nodes}, plan.tasks, _shapes(plan))
    return memory and memory.per_process(plan.hardware, phase, plan.phases)


def least_of_plan(plan: Plan, phase: PhasePlan) -> Memory:
    """Return what each process takes in a plan's phase at the very least, by purpose."""
    memory = certain(phase, {node.path: node for node in plan.nodes}, plan.tasks, _shapes(plan))
    return memory.per_process(plan.hardware, phase, plan.phases)


def _shapes(plan: Plan) -> dict[str, dict[str, Shape]]:
    return {
        name: {field: item.shape for field, item in dataset.fields.items()}
        for name, dataset in plan.datasets.items()
    }


def certain(
    phase: PhasePlan,
    nodes: Mapping[str, ModulePlan],
    tasks: Mapping[str, TaskPlan],
    shapes: Mapping[str, Mapping[str, Shape]],
) -> Memory:
    """Return what a phase takes at the very least, whatever libraries do.

    Unknown optimizers count as keeping nothing. Of activations it counts half of those of nodes that train: others
    need not be kept for the backward pass, nor does every layer need its own output there (a
    rectifier overwrites its input).
    """
    used = _needed_nodes(phase, nodes, tasks)
    still = {name for item in phase.freeze for name in item.parameters}
    active = [node for node in used if not any(name.startswith(f"{node.path}.") for name in still)]
    activations = sum(size or 0 for size in _activations(phase, active)) // 2
    states = read_component("optimizers", phase.optimizer).states_per_parameter() or 0
    return _memory(phase, used, activations, states, _loaded_shapes(nodes.values(), tasks, shapes))


def estimate(
    phase: PhasePlan,
    nodes: Mapping[str, ModulePlan],
    tasks: Mapping[str, TaskPlan],
    shapes: Mapping[str, Mapping[str, Shape]],
) -> Memory | None:
    """Return the memory of a phase, or None if sizes vary so that activations are not known.

    Half precision keeps activations in two bytes and weights in four. Activations are those of one
    micro-batch; each node sees the rows of the datasets that it serves.
    """
    used = _needed_nodes(phase, nodes, tasks)
    activations = 0
    for size in _activations(phase, used):
        if size is None:
            return None
        activations += size
    if phase.scales is not None:
        activations = int(activations * _scale_share(phase.scales))
    states = optimizer_states(phase)
    return _memory(phase, used, activations, states, _loaded_shapes(nodes.values(), tasks, shapes))


def _loaded_shapes(
    nodes: Collection[ModulePlan],
    tasks: Mapping[str, TaskPlan],
    shapes: Mapping[str, Mapping[str, Shape]],
) -> dict[str, dict[str, Shape]]:
    """Return the shapes of the fields in batches, by dataset; unused fields are never loaded."""
    wires = [wire for node in nodes for wire in node.wires]
    wires += [wire for node in nodes for variant in node.variants.values() for wire in variant.wires]
    names = {wire.name for wire in wires if wire.source == "field"}
    for task in tasks.values():
        names |= {task.target_field or "", task.mask or "", *task.fields}
    return {
        dataset: {name: shape for name, shape in fields.items() if name in names}
        for dataset, fields in shapes.items()
    }


def _activations(phase: PhasePlan, nodes: Sequence[ModulePlan]) -> Iterator[int | None]:
    """Yield the activations of each node in one micro-batch of each of its datasets; None if sizes vary."""
    for node in nodes:
        for dataset in node.datasets:
            size = node.variants.get(dataset, node).activation_bytes
            yield None if size is None else size * _rows(phase, dataset)


def _memory(
    phase: PhasePlan,
    used: Sequence[ModulePlan],
    activations: int,
    states: int,
    shapes: Mapping[str, Mapping[str, Shape]],
) -> Memory:
    parameters = sum(_parameters(node) for node in used)
    half = phase.precision in _HALF
    return Memory(
        weights=4 * parameters,
        gradients=4 * phase.trainable_parameters,
        optimizer=4 * states * phase.trainable_parameters,
        average=4 * parameters if phase.ema else 0,
        activations=activations // 2 if half else activations,
        data=sum(_row_bytes(shapes.get(name, {})) * phase.rows[name] for name in phase.rows),
    )


def decoded_bytes(shapes: Mapping[str, Shape], fields: Collection[str], samples: int) -> int:
    """Return the bytes that `samples` decoded samples of the fields take at least, of those that may be kept.

    Images are kept as bytes if they are normalised as they are drawn.
    """
    large = [shape for name, shape in shapes.items() if name in fields and shape.layout in _DECODED]
    return samples * sum((shape.numel or 0) * _DECODED[shape.layout] for shape in large)


def optimizer_states(phase: PhasePlan) -> int:
    """Return how many numbers a phase's optimizer keeps for each parameter."""
    states = read_component("optimizers", phase.optimizer).states_per_parameter()
    return _STATES if states is None else states


def _scale_share(scales: ScalesPlan) -> float:
    """Return activations at the scales that are in memory together, relative to those at the stored size."""
    sizes = scales.activation_bytes
    together = sum(sizes) if scales.mode == "joint" and scales.materialize == "eager" else max(sizes)
    return together / scales.stored_bytes if scales.stored_bytes else 1.0


def _needed_nodes(
    phase: PhasePlan, nodes: Mapping[str, ModulePlan], tasks: Mapping[str, TaskPlan]
) -> list[ModulePlan]:
    """Return the nodes that the phase's tasks need."""
    wanted = {tasks[name].head for name in phase.tasks}
    for node in reversed(list(nodes.values())):
        if node.path in wanted:
            wanted |= {wire.name for wire in node.wires if wire.source == "module"}
    return [node for node in nodes.values() if node.path in wanted]


def _parameters(node: ModulePlan) -> int:
    if node.per_dataset:
        return sum(variant.parameters for variant in node.variants.values())
    return node.parameters


def _rows(phase: PhasePlan, dataset: str) -> int:
    """Return the rows of a dataset in one micro-batch (in `alternate` batches the largest stands for all)."""
    rows = phase.rows.get(dataset, 0)
    if phase.alternate:
        rows = rows // max(len(phase.rows), 1)
    return -(-rows // phase.accumulate)


def _row_bytes(shapes: Mapping[str, Shape]) -> int:
    return sum((shape.numel or 0) * _BYTES[shape.dtype] for shape in shapes.values())
