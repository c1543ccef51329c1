"""A program: the flat list of calls that computes the outputs of some tasks for rows of some datasets.

A *dataset group* is a tuple of datasets whose rows are in one tensor. A node runs once for each group; datasets
are in one group if the shapes of all that flows into the node agree, so that one call does the work of several.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.ir.micro_batches import call_key
from declare.ir.plan import ModulePlan, Plan, Wire
from declare.lowering.model.length_slots import LengthSlots
from declare.lowering.model.padding import join_padded
from declare.parsing.read_component import read_component

DatasetGroup = tuple[str, ...]
Call = tuple[Callable[..., Any], tuple[int, ...], int]
Source = tuple[str, str]
"""A field (`""`, name) or an output of a node (path, output)."""


@dataclass
class Program:
    """Loads fields into slots, then makes the calls in order; each reads slots and fills one."""

    loads: list[tuple[str, str]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    results: list[tuple[str, list[tuple[DatasetGroup, int]]]] = field(default_factory=list)
    num_slots: int = 0

    def run(self, batch: Mapping[str, Mapping[str, Tensor]]) -> list[Any]:
        """Return the slots after all calls."""
        slots: list[Any] = [batch[dataset][name] for dataset, name in self.loads]
        slots += [None] * (self.num_slots - len(slots))
        for function, sources, place in self.calls:
            slots[place] = function(*[slots[source] for source in sources])
        return slots


def make_program(
    plan: Plan, instances: Mapping[str, nn.Module], tasks: Sequence[str], datasets: DatasetGroup, joined: bool
) -> Program:
    """Return the program for `tasks` on batches that hold rows of `datasets`.

    Results of a task that lives on none of the datasets are left out. Unless `joined`, results are by
    dataset.
    """
    builder = ProgramBuilder(plan, instances, tuple(name for name in plan.datasets if name in datasets))
    groups_by_task = {task: builder.in_plan_order(plan.tasks[task].datasets) for task in tasks}
    builder.require({task: group for task, group in groups_by_task.items() if group})
    for node in plan.nodes:
        builder.add(node)
    for task, group in groups_by_task.items():
        if group:
            builder.finish(task, group, joined=joined)
    return builder.close()


def make_reading(
    plan: Plan, instances: Mapping[str, nn.Module], wires: Sequence[Wire], dataset: str
) -> Program:
    """Return the program for what `wires` carry on batches of one dataset: a result for each, under its number.

    `NUMBER.lengths` are the lengths [B] of the samples, if they differ.
    """
    builder = ProgramBuilder(plan, instances, (dataset,))
    for wire in wires:
        if wire.source == "module":
            builder.need.setdefault(builder.resolve(wire), set()).add(dataset)
    builder.require({})
    for node in plan.nodes:
        builder.add(node)
    for number, wire in enumerate(wires):
        source = builder.source(wire)
        builder.program.results.append((str(number), [((dataset,), builder.slot(source, (dataset,)))]))
        lengths = builder.lengths.of(source, (dataset,))
        if lengths is not None:
            builder.program.results.append((f"{number}.lengths", [((dataset,), lengths)]))
    return builder.close()


class ProgramBuilder:
    """Fills a program, node by node in the plan's order."""

    def __init__(self, plan: Plan, instances: Mapping[str, nn.Module], datasets: DatasetGroup) -> None:
        self.plan, self.instances, self.datasets = plan, instances, datasets
        self.nodes = {node.path: node for node in plan.nodes}
        self.need: dict[str, set[str]] = {}
        self.program = Program()
        self.slots: dict[tuple[Source, DatasetGroup], int] = {}
        self.shapes: dict[tuple[Source, str], Shape | None] = {}
        self.fields: dict[tuple[str, str], int] = {}
        self.groups_by_node: dict[str, list[DatasetGroup]] = {}
        self.lengths = LengthSlots(self)

    def in_plan_order(self, names: Sequence[str] | set[str]) -> DatasetGroup:
        """Return those of `names` that have rows, in the plan's order."""
        return tuple(name for name in self.datasets if name in names)

    def require(self, groups_by_task: Mapping[str, DatasetGroup]) -> None:
        """Note for each node which datasets' rows it must see, from the heads down to the fields."""
        for task, group in groups_by_task.items():
            self.need.setdefault(self.plan.tasks[task].head, set()).update(group)
        for node in reversed(self.plan.nodes):
            for dataset in self.need.get(node.path, set()):
                for wire in wires(node, dataset):
                    if wire.source == "module":
                        self.need.setdefault(self.resolve(wire), set()).add(dataset)

    def resolve(self, wire: Wire) -> str:
        """Return the path of the node that a wire comes from."""
        if wire.name in self.nodes:
            return wire.name
        return next(node.path for node in self.plan.nodes if node.name == wire.name)

    def add(self, node: ModulePlan) -> None:
        """Add the calls of a node, one for each dataset group."""
        self.groups_by_node[node.path] = self.groups_of(node)
        for group in self.groups_by_node[node.path]:
            dataset = group[0]
            places = [self.slot(self.source(wire), group) for wire in wires(node, dataset)]
            module = self.instances[f"{node.path}.{dataset}" if node.per_dataset else node.path]
            lengths_slot = self.lengths.slot_of(node, group)
            function = partial(module, dataset=dataset) if node.adapts else module
            result = self.call(
                function if lengths_slot is None else _with_lengths(function),
                places if lengths_slot is None else [*places, lengths_slot],
            )
            outputs = self.outputs(node, dataset)
            self.lengths.note(node, group, outputs)
            for name, shape in outputs.items():
                output_slot = self.call(_pick(name), [result])
                self.slots[(node.path, name), group] = output_slot
                for member in group:
                    self.shapes[(node.path, name), member] = shape

    def groups_of(self, node: ModulePlan) -> list[DatasetGroup]:
        """Return the dataset groups of a node: datasets whose inputs have the same known shapes share one."""
        datasets_by_key: dict[Any, list[str]] = {}
        for dataset in self.in_plan_order(self.need.get(node.path, set())):
            shapes = [self.shape(self.source(wire), dataset) for wire in wires(node, dataset)]
            datasets_by_key.setdefault(call_key(node, dataset, shapes), []).append(dataset)
        return [tuple(group) for group in datasets_by_key.values()]

    def source(self, wire: Wire) -> Source:
        """Return what a wire reads."""
        if wire.source == "field":
            return "", wire.name
        path = self.resolve(wire)
        return path, wire.output or next(iter(self.nodes[path].outputs))

    def shape(self, source: Source, dataset: str) -> Shape | None:
        """Return the shape of a source for one dataset, None if it is not known."""
        if not source[0]:
            return self.plan.datasets[dataset].fields[source[1]].shape
        return self.shapes.get((source, dataset))

    def outputs(self, node: ModulePlan, dataset: str) -> Mapping[str, Shape | None]:
        """Return a node's output shapes for a dataset, inferred if its inputs are not the plan's."""
        plan_shapes = node.outputs_of(dataset)
        inputs: dict[str, tuple[Shape, ...]] = {}
        matches_plan = True
        for wire in wires(node, dataset):
            shape = self.shape(self.source(wire), dataset)
            if shape is None:
                return dict.fromkeys(plan_shapes)
            matches_plan = matches_plan and shape.dims == wire.shape.dims
            inputs[wire.port] = (*inputs.get(wire.port, ()), shape)
        if matches_plan or node.role == "head":
            return plan_shapes
        shapes = read_component("modules", node.block).infer(inputs)
        return dict.fromkeys(plan_shapes) if shapes is None or isinstance(shapes, Problem) else shapes

    def slot(self, source: Source, group: DatasetGroup) -> int:
        """Return the slot that holds a source's rows of `group`, cutting and joining what is there."""
        key = (source, group)
        if key not in self.slots:
            self.slots[key] = self.join(source, group) if len(group) > 1 else self.part(source, group[0])
        return self.slots[key]

    def join(self, source: Source, group: DatasetGroup) -> int:
        """Add a concatenation; whole pixels are joined before they become numbers."""
        if not source[0]:
            slot = self.call(_join, [self.load(dataset, source[1]) for dataset in group])
            return self.add_field_input(source, group[0], slot)
        return self.call(_join, [self.slot(source, (dataset,)) for dataset in group])

    def part(self, source: Source, dataset: str) -> int:
        """Add the rows of one dataset: loaded, or cut out of the group that holds them."""
        if not source[0]:
            return self.add_field_input(source, dataset, self.load(dataset, source[1]))
        group = next(group for group in self.groups_by_node[source[0]] if dataset in group)
        sizes = [self.load(member, self.any_field(member)) for member in group]
        parts = self.call(_split_rows, [self.slots[source, group], *sizes])
        for index, member in enumerate(group):
            self.slots[source, (member,)] = self.call(_item(index), [parts])
        return self.slots[source, (dataset,)]

    def add_field_input(self, source: Source, dataset: str, slot: int) -> int:
        """Add what turns a field into numbers of single precision if it enters the model, pixels into 0..1."""
        field = self.plan.datasets[dataset].fields[source[1]]
        pixels = field.shape.layout in {"image", "video"} and field.shape.dtype == "uint8"
        if field.double:
            return self.call(_single, [slot])
        return self.call(_unit, [slot]) if pixels else slot

    def any_field(self, dataset: str) -> str:
        """Return a field that batches of a dataset surely hold."""
        return next((name for owner, name in self.fields if owner == dataset), "")

    def load(self, dataset: str, name: str) -> int:
        """Return the slot of a field; loads are numbered when the program is closed."""
        return self.fields.setdefault((dataset, name), -1 - len(self.fields))

    def call(self, function: Callable[..., Any], sources: Sequence[int]) -> int:
        """Add a call and return the slot of its result."""
        place = self.program.num_slots
        self.program.num_slots += 1
        self.program.calls.append((function, tuple(sources), place))
        return place

    def finish(self, task: str, group: DatasetGroup, *, joined: bool) -> None:
        """Record the output of a task's head."""
        head = self.nodes[self.plan.tasks[task].head]
        source = (head.path, next(iter(head.outputs)))
        groups: list[DatasetGroup] = [(dataset,) for dataset in group]
        if joined:
            cut_groups = [
                self.in_plan_order(set(node_group) & set(group))
                for node_group in self.groups_by_node[head.path]
            ]
            groups = list(filter(None, cut_groups))
        self.program.results.append((task, [(part, self.slot(source, part)) for part in groups]))

    def close(self) -> Program:
        """Return the program: the loads take the first slots, the calls the next."""
        shift = len(self.fields)
        program = Program(loads=list(self.fields), num_slots=self.program.num_slots + shift)

        def place(slot: int) -> int:
            return -1 - slot if slot < 0 else slot + shift

        program.calls = [
            (function, tuple(map(place, sources)), place(slot))
            for function, sources, slot in self.program.calls
        ]
        program.results = [
            (task, [(group, place(slot)) for group, slot in groups]) for task, groups in self.program.results
        ]
        return program


def wires(node: ModulePlan, dataset: str) -> tuple[Wire, ...]:
    """Return the wires of a node, or of its instance for a dataset."""
    return node.wires_of(dataset)


def _with_lengths(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*values: Tensor) -> Any:
        return function(*values[:-1], lengths=values[-1])

    return call


def _pick(name: str) -> Callable[[Any], Tensor]:
    def pick(result: Any) -> Tensor:
        return result[name] if isinstance(result, dict) else result

    return pick


def _item(index: int) -> Callable[[Any], Tensor]:
    # Not `operator.itemgetter`, which torch.compile cannot trace.
    def item(parts: Any) -> Tensor:
        return parts[index]

    return item


def _join(*parts: Tensor) -> Tensor:
    return join_padded(parts)


def _split_rows(rows_of_group: Tensor, *rows: Tensor) -> tuple[Tensor, ...]:
    return rows_of_group.split([len(part) for part in rows])


def _single(values: Tensor) -> Tensor:
    return values.float()


def _unit(pixels: Tensor) -> Tensor:
    return pixels.to(torch.float32).mul_(1 / 255) if pixels.dtype == torch.uint8 else pixels
