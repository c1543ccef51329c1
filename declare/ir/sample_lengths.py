"""How long samples are on their way through a model, worked out before there are any."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from declare.contract.kinds.module import Node
from declare.contract.shapes import Shape
from declare.ir.plan import DatasetPlan, ModulePlan, Wire, inputs_by_port
from declare.parsing import parser
from declare.parsing.poison import contains_poison
from declare.system import secrets

TRIED = tuple(range(1, 65))
"""Lengths by which two ways through a model are compared."""


class Span(NamedTuple):
    """How long the samples of a tensor are.

    `counts` are the steps that samples of some lengths of `field` have here. `fixed` means that all tensors are
    equally long: shorter samples are filled up to a stated length.
    """

    field: str
    fixed: bool
    counts: tuple[int, ...]


class Visit(NamedTuple):
    """A node on the way of a dataset's samples: its inputs with the span of each wire, and its output."""

    node: ModulePlan
    component: Node
    wires: tuple[tuple[Wire, Span | None], ...]
    outputs: Mapping[str, Span | None]

    @property
    def time_wires(self) -> list[tuple[Wire, Span | None]]:
        """Return the wires with a time axis that the outputs follow; the steps of several are aligned."""
        port = followed_port(self.component, [wire for wire, _ in self.wires])
        return [item for item in self.wires if item[0].port == port and item[0].shape.time_axis is not None]


def followed_port(component: Node, wires: Sequence[Wire]) -> str:
    """Return the port whose samples a node's outputs are as long as."""
    padding = component.padding_policy()
    stated = padding.follows if padding else None
    wired = {wire.port for wire in wires}
    return stated if stated in wired and stated is not None else component.ports[0].name


def visits(nodes: Sequence[ModulePlan], dataset: str, fields: Mapping[str, Span]) -> Iterator[Visit]:
    """Yield the nodes that some of the `fields` of a dataset flow into, in order, with the spans of all wires."""
    known: dict[tuple[str, str | None], Span | None] = {}
    for node in nodes:
        if dataset not in node.datasets:
            continue
        wires = tuple((wire, _span(wire, fields, known, nodes)) for wire in node.wires_of(dataset))
        if not any(span for _, span in wires):
            continue
        component = component_of(node)
        if component is None:
            continue
        outputs = node.outputs_of(dataset)
        visit = Visit(node, component, wires, _output_spans(component, wires, outputs))
        known |= {(node.path, name): span for name, span in visit.outputs.items()}
        yield visit


def component_of(node: ModulePlan) -> Node | None:
    """Return a node's component, even if its parameters contradict each other; None if it is unreadable."""
    component, _ = parser.read(node.kind, secrets.reveal(node.block), trust=parser.EVERYTHING)
    return component if isinstance(component, Node) and not contains_poison(component) else None


def _span(
    wire: Wire,
    fields: Mapping[str, Span],
    known: Mapping[tuple[str, str | None], Span | None],
    nodes: Sequence[ModulePlan],
) -> Span | None:
    if wire.shape.time_axis is None:
        return None
    if wire.source == "field":
        return fields.get(wire.name)
    above = next(node for node in nodes if wire.name in {node.path, node.name})
    return known.get((above.path, wire.output or next(iter(above.outputs))))


def _output_spans(
    component: Node, wires: Sequence[tuple[Wire, Span | None]], outputs: Mapping[str, Shape]
) -> dict[str, Span | None]:
    """Return the span of each output; None for what has no time axis, and behind a node that reads padding."""
    port = followed_port(component, [wire for wire, _ in wires])
    span = next((span for wire, span in wires if wire.port == port and span), None)
    if span is None or component.padding_policy() is None:
        return dict.fromkeys(outputs)
    inputs = inputs_by_port(wire for wire, _ in wires)
    counts = tuple(int(component.output_lengths(count, inputs)) for count in span.counts)
    mapped = span._replace(counts=counts)
    return {name: mapped if shape.time_axis is not None else None for name, shape in outputs.items()}


def field_spans(dataset: DatasetPlan) -> dict[str, Span]:
    """Return the spans of the fields whose samples differ in length, for samples of `TRIED` steps."""
    return {
        name: Span(name, is_fixed(field.shape), TRIED)
        for name, field in dataset.fields.items()
        if field.has_lengths
    }


def is_fixed(shape: Shape) -> bool:
    """Return whether batches have a fixed length although samples do not: a stated `length`, not of a text."""
    axis = shape.time_axis
    return shape.layout != "tokens" and axis is not None and shape.dims[axis] is not None


def least_length(nodes: Sequence[ModulePlan], dataset: str, span: Span) -> int:
    """Return the steps that a sample of a span's field must have for every node that it flows into."""

    def enough(count: int) -> bool:
        fields = {span.field: span._replace(counts=(count,))}
        lengths = (
            output_span for item in visits(nodes, dataset, fields) for output_span in item.outputs.values()
        )
        return all(output_span is None or output_span.counts[0] >= 1 for output_span in lengths)

    low, high = 1, 1 << 20
    if enough(low):
        return low
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def joined_fields(
    nodes: Sequence[ModulePlan], dataset: str, fields: Mapping[str, Span]
) -> set[tuple[str, str]]:
    """Return pairs of fields whose steps are joined in a node: samples must be equally long in both."""
    pairs = set()
    for item in visits(nodes, dataset, fields):
        names = sorted({span.field for _, span in item.time_wires if span})
        pairs |= set(itertools.pairwise(names))
    return pairs
