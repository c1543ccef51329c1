"""Lengths of samples along the model, as far as the data define them."""

from collections.abc import Iterator

from declare.contract.kinds.module import Inputs
from declare.contract.lengths import KEY, lengths_differ
from declare.contract.nodes.input_check import input_path
from declare.ir.plan import ModulePlan, Wire
from declare.ir.sample_lengths import TRIED, Span, Visit, is_fixed, visits
from declare.rules.spec_parts import get
from declare.rules.spec_view import View


def spans(view: View, dataset: str) -> dict[str, Span]:
    """Return the length spans of a dataset's fields whose samples differ in length, the shortest sample first."""
    facts = view.facts[dataset].fields
    return {
        name: Span(name, is_fixed(shape), (*facts[name].extra.get(KEY, (1,)), *TRIED))
        for name, shape in view.shapes.get(dataset, {}).items()
        if lengths_differ(shape, facts[name])
    }


def lengths_on_the_way(view: View) -> Iterator[tuple[str, Visit]]:
    """Yield each dataset with the nodes that get samples of different lengths."""
    for dataset in view.facts:
        fields = spans(view, dataset)
        if fields:
            for item in visits(tuple(view.nodes.values()), dataset, fields):
                yield dataset, item


def node_place(view: View, item: Visit, wire: Wire) -> str:
    """Return the path that defines a node's input."""
    node = item.node
    if node.role == "head":
        stated = get(view.spec, "tasks", node.name, "head")
        return f"tasks.{node.name}.head" if stated is not None else f"tasks.{node.name}"
    port_wires = [name for name, _ in item.wires if name.port == wire.port]
    inner = input_path(
        get(view.spec, "model", node.name) or item.component, wire.port, port_wires.index(wire)
    )
    return f"model.{node.name}.{inner}" if inner else f"model.{node.name}"


def lengths_in_words(view: View, dataset: str, field: str) -> str:
    """Return how the samples of a field differ in length, in words."""
    known = view.facts[dataset].fields[field].extra.get(KEY)
    return f"{known[0]} to {known[1]} steps" if known else "texts differ in length"


def shortest(view: View, node: ModulePlan, dataset: str, wires: tuple[Wire, ...] | None = None) -> Inputs:
    """Return the shapes of a node's inputs in a dataset, with the length of the shortest sample if lengths differ.

    `wires` replace its own if it gets other sizes.
    """
    visit = next(
        (item for name, item in lengths_on_the_way(view) if name == dataset and item.node is node), None
    )
    read_wires = node.wires_of(dataset) if wires is None else wires
    shapes: Inputs = {}
    for wire, span in zip(
        read_wires, [span for _, span in visit.wires] if visit else [None] * len(read_wires), strict=True
    ):
        shape = wire.shape
        if span is not None:
            axis, dims = shape.time_axis or 0, list(shape.dims)
            dims[axis] = span.counts[0]
            shape = shape._replace(dims=tuple(dims))
        shapes = {**shapes, wire.port: (*shapes.get(wire.port, ()), shape)}
    return shapes
