"""How long the samples of each tensor of a program are: slots beside those that hold the tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from declare.contract.kinds.module import Inputs, Node
from declare.contract.lengths import lengths_name
from declare.contract.shapes import Shape
from declare.ir.plan import ModulePlan, Wire
from declare.ir.sample_lengths import followed_port
from declare.reading.read_component import read_component

if TYPE_CHECKING:
    from declare.lowering.model.execution_plan import Lane, Maker, Source


class LengthSlots:
    """Adds calls for lengths [B] to a program, where samples differ in length and something asks for them."""

    def __init__(self, maker: Maker) -> None:
        self._maker = maker
        self._slots: dict[tuple[Source, Lane], int | None] = {}

    def of(self, source: Source, lane: Lane) -> int | None:
        """Return the slot of the lengths of a source's rows of `lane`; None where all are as long as the tensor."""
        key = (source, lane)
        if key not in self._slots:
            self._slots[key] = self._field(source[1], lane) if not source[0] else self._output(source, lane)
        return self._slots[key]

    def slot_of(self, node: ModulePlan, lane: Lane) -> int | None:
        """Return the slot of the lengths that a node's module is given, None where it is given none."""
        wires = node.wires_of(lane[0])
        if all(wire.shape.time_axis is None for wire in wires):
            return None
        padding = _component(node).padding_policy()
        wire = next((wire for wire in wires if padding and wire.port == padding.lengths_of), None)
        return None if wire is None else self.of(self._maker.source(wire), lane)

    def note(self, node: ModulePlan, lane: Lane, outputs: Mapping[str, Shape | None]) -> None:
        """Note the lengths of a node's outputs."""
        for name in outputs:
            self._slots[(node.path, name), lane] = None
        timed = [name for name, shape in node.outputs_of(lane[0]).items() if shape.time_axis is not None]
        wires = node.wires_of(lane[0])
        if not timed or all(wire.shape.time_axis is None for wire in wires):
            return
        component = _component(node)
        wire = next(wire for wire in wires if wire.port == followed_port(component, wires))
        slot = self.of(self._maker.source(wire), lane) if component.padding_policy() is not None else None
        if slot is not None and type(component).output_lengths is not Node.output_lengths:
            slot = self._maker.call(_length_map(component, wires), [slot])
        for name in timed:
            self._slots[(node.path, name), lane] = slot

    def _field(self, name: str, lane: Lane) -> int | None:
        fields = {dataset: self._maker.plan.datasets[dataset].fields[name] for dataset in lane}
        if not any(field.has_lengths for field in fields.values()):
            return None
        if fields[lane[0]].shape.layout == "tokens":
            return self._maker.call(_count, [self._maker.slot(("", name), lane)])
        own = [
            self._maker.load(dataset, lengths_name(name))
            if field.has_lengths
            else self._full(("", name), dataset, field.shape)
            for dataset, field in fields.items()
        ]
        return own[0] if len(own) == 1 else self._maker.call(_join, own)

    def _output(self, source: Source, lane: Lane) -> int | None:
        """Return the lengths of rows that are cut out of a lane, or joined of several."""
        maker = self._maker
        if len(lane) == 1:
            whole = next(other for other in maker.ran[source[0]] if lane[0] in other)
            slot = self.of(source, whole)
            if slot is None:
                return None
            sizes = [maker.load(member, maker.any_field(member)) for member in whole]
            return maker.call(_rows(whole.index(lane[0])), [slot, *sizes])
        own = {dataset: self.of(source, (dataset,)) for dataset in lane}
        if all(slot is None for slot in own.values()):
            return None
        node = maker.nodes[source[0]]
        slots = [
            self._full(source, dataset, node.outputs_of(dataset)[source[1]]) if slot is None else slot
            for dataset, slot in own.items()
        ]
        return maker.call(_join, slots)

    def _full(self, source: Source, dataset: str, shape: Shape) -> int:
        """Return lengths of a dataset whose samples are as long as their tensor."""
        axis = 1 + (shape.time_axis or 0)
        return self._maker.call(partial(_full_lengths, axis), [self._maker.slot(source, (dataset,))])


def _component(node: ModulePlan) -> Node:
    return read_component(node.kind, node.block)


def _length_map(component: Node, wires: tuple[Wire, ...]) -> Callable[[Tensor], Tensor]:
    inputs: Inputs = {}
    for wire in wires:
        inputs = {**inputs, wire.port: (*inputs.get(wire.port, ()), wire.shape)}

    def output_lengths(lengths: Tensor) -> Tensor:
        new_lengths: Tensor = component.output_lengths(lengths, inputs)
        return new_lengths

    return output_lengths


def _count(tokens: Tensor) -> Tensor:
    """Return the tokens of each text; an empty one counts as one, of which nothing is seen."""
    return (tokens >= 0).sum(1).clamp_min(1)


def _full_lengths(axis: int, values: Tensor) -> Tensor:
    return torch.full((len(values),), values.shape[axis], device=values.device)


def _join(*parts: Tensor) -> Tensor:
    return torch.cat(parts)


def _rows(index: int) -> Callable[..., Tensor]:
    def rows(lengths: Tensor, *others: Any) -> Tensor:
        start = sum(len(lane) for lane in others[:index])
        return lengths[start : start + len(others[index])]

    return rows
