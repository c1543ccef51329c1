"""A program: the flat list of calls that computes the outputs of some tasks for rows of some datasets.

A *lane* is a tuple of datasets whose rows stand together in one tensor. A node runs once for each lane;
datasets share a lane where the shapes of all that flows into the node agree, so that one call does the work
of several.
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
from declare.reading.read_component import read_component

Lane = tuple[str, ...]
Call = tuple[Callable[..., Any], tuple[int, ...], int]
Source = tuple[str, str]
"""A field (`""`, name) or an output of a node (path, output)."""


@dataclass
class Program:
    """Loads fields into slots, then makes the calls in order; each reads slots and fills one."""

    loads: list[tuple[str, str]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    results: list[tuple[str, list[tuple[Lane, int]]]] = field(default_factory=list)
    num_slots: int = 0

    def run(self, batch: Mapping[str, Mapping[str, Tensor]]) -> list[Any]:
        """Return the slots after all calls."""
        slots: list[Any] = [batch[dataset][name] for dataset, name in self.loads]
        slots += [None] * (self.num_slots - len(slots))
        for function, sources, place in self.calls:
            slots[place] = function(*[slots[source] for source in sources])
        return slots


def make_program(
    plan: Plan, instances: Mapping[str, nn.Module], tasks: Sequence[str], datasets: Lane, joined: bool
) -> Program:
    """Return the program for `tasks` on batches that hold rows of `datasets`.

    Results of a task that lives on none of the datasets are left out. Unless `joined`, results are by
    dataset.
    """
    maker = Maker(plan, instances, tuple(name for name in plan.datasets if name in datasets))
    wanted = {task: maker.in_plan_order(plan.tasks[task].datasets) for task in tasks}
    maker.require({task: lane for task, lane in wanted.items() if lane})
    for node in plan.nodes:
        maker.add(node)
    for task, lane in wanted.items():
        if lane:
            maker.finish(task, lane, joined=joined)
    return maker.close()


def make_reading(
    plan: Plan, instances: Mapping[str, nn.Module], wires: Sequence[Wire], dataset: str
) -> Program:
    """Return the program for what `wires` carry on batches of one dataset: a result for each, under its number.

    `NUMBER.lengths` are the lengths [B] of the samples, where they differ.
    """
    maker = Maker(plan, instances, (dataset,))
    for wire in wires:
        if wire.source == "module":
            maker.need.setdefault(maker.resolve(wire), set()).add(dataset)
    maker.require({})
    for node in plan.nodes:
        maker.add(node)
    for number, wire in enumerate(wires):
        source = maker.source(wire)
        maker.program.results.append((str(number), [((dataset,), maker.slot(source, (dataset,)))]))
        lengths = maker.lengths.of(source, (dataset,))
        if lengths is not None:
            maker.program.results.append((f"{number}.lengths", [((dataset,), lengths)]))
    return maker.close()


class Maker:
    """Fills a program, node by node in the plan's order."""

    def __init__(self, plan: Plan, instances: Mapping[str, nn.Module], datasets: Lane) -> None:
        self.plan, self.instances, self.datasets = plan, instances, datasets
        self.nodes = {node.path: node for node in plan.nodes}
        self.need: dict[str, set[str]] = {}
        self.program = Program()
        self.slots: dict[tuple[Source, Lane], int] = {}
        self.shapes: dict[tuple[Source, str], Shape | None] = {}
        self.fields: dict[tuple[str, str], int] = {}
        self.ran: dict[str, list[Lane]] = {}
        self.lengths = LengthSlots(self)

    def in_plan_order(self, names: Sequence[str] | set[str]) -> Lane:
        """Return those of `names` that have rows, in the plan's order."""
        return tuple(name for name in self.datasets if name in names)

    def require(self, wanted: Mapping[str, Lane]) -> None:
        """Note for each node which datasets' rows it must see, from the heads down to the fields."""
        for task, lane in wanted.items():
            self.need.setdefault(self.plan.tasks[task].head, set()).update(lane)
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
        """Add the calls of a node, one for each lane."""
        self.ran[node.path] = self.lanes(node)
        for lane in self.ran[node.path]:
            dataset = lane[0]
            places = [self.slot(self.source(wire), lane) for wire in wires(node, dataset)]
            module = self.instances[f"{node.path}.{dataset}" if node.per_dataset else node.path]
            lengths_slot = self.lengths.slot_of(node, lane)
            function = partial(module, dataset=dataset) if node.adapts else module
            result = self.call(
                function if lengths_slot is None else _with_lengths(function),
                places if lengths_slot is None else [*places, lengths_slot],
            )
            outputs = self.outputs(node, dataset)
            self.lengths.note(node, lane, outputs)
            for name, shape in outputs.items():
                picked = self.call(_pick(name), [result])
                self.slots[(node.path, name), lane] = picked
                for member in lane:
                    self.shapes[(node.path, name), member] = shape

    def lanes(self, node: ModulePlan) -> list[Lane]:
        """Return the lanes of a node: datasets whose inputs have the same known shapes share one."""
        groups: dict[Any, list[str]] = {}
        for dataset in self.in_plan_order(self.need.get(node.path, set())):
            shapes = [self.shape(self.source(wire), dataset) for wire in wires(node, dataset)]
            groups.setdefault(call_key(node, dataset, shapes), []).append(dataset)
        return [tuple(lane) for lane in groups.values()]

    def source(self, wire: Wire) -> Source:
        """Return what a wire reads."""
        if wire.source == "field":
            return "", wire.name
        path = self.resolve(wire)
        return path, wire.output or next(iter(self.nodes[path].outputs))

    def shape(self, source: Source, dataset: str) -> Shape | None:
        """Return the shape of a source for one dataset, None where it is not known."""
        if not source[0]:
            return self.plan.datasets[dataset].fields[source[1]].shape
        return self.shapes.get((source, dataset))

    def outputs(self, node: ModulePlan, dataset: str) -> Mapping[str, Shape | None]:
        """Return a node's output shapes for a dataset, inferred where its inputs are not the plan's."""
        planned = node.outputs_of(dataset)
        inputs: dict[str, tuple[Shape, ...]] = {}
        same = True
        for wire in wires(node, dataset):
            shape = self.shape(self.source(wire), dataset)
            if shape is None:
                return dict.fromkeys(planned)
            same = same and shape.dims == wire.shape.dims
            inputs[wire.port] = (*inputs.get(wire.port, ()), shape)
        if same or node.role == "head":
            return planned
        inferred = read_component("modules", node.block).infer(inputs)
        return dict.fromkeys(planned) if inferred is None or isinstance(inferred, Problem) else inferred

    def slot(self, source: Source, lane: Lane) -> int:
        """Return the slot that holds a source's rows of `lane`, cutting and joining what is there."""
        key = (source, lane)
        if key not in self.slots:
            self.slots[key] = self.join(source, lane) if len(lane) > 1 else self.part(source, lane[0])
        return self.slots[key]

    def join(self, source: Source, lane: Lane) -> int:
        """Add a concatenation; whole pixels are joined before they become numbers."""
        if not source[0]:
            joined = self.call(_join, [self.load(dataset, source[1]) for dataset in lane])
            return self.add_field_input(source, lane[0], joined)
        return self.call(_join, [self.slot(source, (dataset,)) for dataset in lane])

    def part(self, source: Source, dataset: str) -> int:
        """Add the rows of one dataset: loaded, or cut out of the lane that holds them."""
        if not source[0]:
            return self.add_field_input(source, dataset, self.load(dataset, source[1]))
        lane = next(lane for lane in self.ran[source[0]] if dataset in lane)
        sizes = [self.load(member, self.any_field(member)) for member in lane]
        parts = self.call(_cut, [self.slots[source, lane], *sizes])
        for index, member in enumerate(lane):
            self.slots[source, (member,)] = self.call(_item(index), [parts])
        return self.slots[source, (dataset,)]

    def add_field_input(self, source: Source, dataset: str, slot: int) -> int:
        """Add what turns a field into numbers of single precision where it enters the model, pixels into 0..1."""
        field = self.plan.datasets[dataset].fields[source[1]]
        pixels = field.shape.layout in {"image", "video"} and field.shape.dtype == "uint8"
        if field.double:
            return self.call(_single, [slot])
        return self.call(_unit, [slot]) if pixels else slot

    def any_field(self, dataset: str) -> str:
        """Return a field that batches of a dataset surely hold."""
        return next((name for other, name in self.fields if other == dataset), "")

    def load(self, dataset: str, name: str) -> int:
        """Return the slot of a field; loads are numbered when the program is closed."""
        return self.fields.setdefault((dataset, name), -1 - len(self.fields))

    def call(self, function: Callable[..., Any], sources: Sequence[int]) -> int:
        """Add a call and return the slot of its result."""
        place = self.program.num_slots
        self.program.num_slots += 1
        self.program.calls.append((function, tuple(sources), place))
        return place

    def finish(self, task: str, lane: Lane, *, joined: bool) -> None:
        """Note where the output of a task's head stands."""
        head = self.nodes[self.plan.tasks[task].head]
        source = (head.path, next(iter(head.outputs)))
        lanes: list[Lane] = [(dataset,) for dataset in lane]
        if joined:
            ran = [self.in_plan_order(set(other) & set(lane)) for other in self.ran[head.path]]
            lanes = list(filter(None, ran))
        self.program.results.append((task, [(part, self.slot(source, part)) for part in lanes]))

    def close(self) -> Program:
        """Return the program: the loads take the first slots, the calls the next."""
        shift = len(self.fields)
        done = Program(loads=list(self.fields), num_slots=self.program.num_slots + shift)

        def place(slot: int) -> int:
            return -1 - slot if slot < 0 else slot + shift

        done.calls = [
            (function, tuple(map(place, sources)), place(slot))
            for function, sources, slot in self.program.calls
        ]
        done.results = [
            (task, [(lane, place(slot)) for lane, slot in lanes]) for task, lanes in self.program.results
        ]
        return done


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


def _cut(whole: Tensor, *rows: Tensor) -> tuple[Tensor, ...]:
    return whole.split([len(part) for part in rows])


def _single(values: Tensor) -> Tensor:
    return values.float()


def _unit(pixels: Tensor) -> Tensor:
    return pixels.to(torch.float32).mul_(1 / 255) if pixels.dtype == torch.uint8 else pixels
