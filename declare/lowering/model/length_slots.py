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
from declare.parsing.read_component import read_component

if TYPE_CHECKING:
    from declare.lowering.model.execution_plan import DatasetGroup, ProgramBuilder, Source


class LengthSlots:
    """Adds calls for lengths [B] to a program, if samples differ in length and something asks for them."""

    def __init__(self, builder: ProgramBuilder) -> None:
        self._builder = builder
        self._slots: dict[tuple[Source, DatasetGroup], int | None] = {}

    def of(self, source: Source, group: DatasetGroup) -> int | None:
        """Return the slot of the lengths of a source's rows of `group`; None if all are as long as the tensor."""
        key = (source, group)
        if key not in self._slots:
            self._slots[key] = self._field(source[1], group) if not source[0] else self._output(source, group)
        return self._slots[key]

    def slot_of(self, node: ModulePlan, group: DatasetGroup) -> int | None:
        """Return the slot of the lengths that a node's module is given, None if it is given none."""
        wires = node.wires_of(group[0])
        if all(wire.shape.time_axis is None for wire in wires):
            return None
        padding = _component(node).padding_policy()
        wire = next((wire for wire in wires if padding and wire.port == padding.lengths_of), None)
        return None if wire is None else self.of(self._builder.source(wire), group)

    def note(self, node: ModulePlan, group: DatasetGroup, outputs: Mapping[str, Shape | None]) -> None:
        """Note the lengths of a node's outputs."""
        for name in outputs:
            self._slots[(node.path, name), group] = None
        names = [name for name, shape in node.outputs_of(group[0]).items() if shape.time_axis is not None]
        wires = node.wires_of(group[0])
        if not names or all(wire.shape.time_axis is None for wire in wires):
            return
        component = _component(node)
        wire = next(wire for wire in wires if wire.port == followed_port(component, wires))
        slot = self.of(self._builder.source(wire), group) if component.padding_policy() is not None else None
        if slot is not None and type(component).output_lengths is not Node.output_lengths:
            slot = self._builder.call(_length_map(component, wires), [slot])
        for name in names:
            self._slots[(node.path, name), group] = slot

    def _field(self, name: str, group: DatasetGroup) -> int | None:
        fields = {dataset: self._builder.plan.datasets[dataset].fields[name] for dataset in group}
        if not any(field.has_lengths for field in fields.values()):
            return None
        if fields[group[0]].shape.layout == "tokens":
            return self._builder.call(_count, [self._builder.slot(("", name), group)])
        slots = [
            self._builder.load(dataset, lengths_name(name))
            if field.has_lengths
            else self._full(("", name), dataset, field.shape)
            for dataset, field in fields.items()
        ]
        return slots[0] if len(slots) == 1 else self._builder.call(_join, slots)

    def _output(self, source: Source, group: DatasetGroup) -> int | None:
        """Return the lengths of rows that are cut out of a group, or joined of several."""
        builder = self._builder
        if len(group) == 1:
            node_group = next(
                node_group for node_group in builder.groups_by_node[source[0]] if group[0] in node_group
            )
            slot = self.of(source, node_group)
            if slot is None:
                return None
            sizes = [builder.load(member, builder.any_field(member)) for member in node_group]
            return builder.call(_rows(node_group.index(group[0])), [slot, *sizes])
        slot_by_dataset = {dataset: self.of(source, (dataset,)) for dataset in group}
        if all(slot is None for slot in slot_by_dataset.values()):
            return None
        node = builder.nodes[source[0]]
        slots = [
            self._full(source, dataset, node.outputs_of(dataset)[source[1]]) if slot is None else slot
            for dataset, slot in slot_by_dataset.items()
        ]
        return builder.call(_join, slots)

    def _full(self, source: Source, dataset: str, shape: Shape) -> int:
        """Return lengths of a dataset whose samples are as long as their tensor."""
        axis = 1 + (shape.time_axis or 0)
        return self._builder.call(partial(_full_lengths, axis), [self._builder.slot(source, (dataset,))])


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
    def rows(lengths: Tensor, *fields: Any) -> Tensor:
        start = sum(len(group) for group in fields[:index])
        return lengths[start : start + len(fields[index])]

    return rows
