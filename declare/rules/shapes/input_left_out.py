"""A module that divides its input into patches drops the remainder."""

from collections.abc import Iterator

from declare.contract.kinds.module import Inputs, LeftOut, Module
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.ir.plan import ModulePlan
from declare.ir.sample_lengths import TRIED, Visit
from declare.rules.queries.sample_lengths import lengths_on_the_way
from declare.rules.spec_view import View

CODE = "DAT358"
STAGE = "shapes"
_SHARE = 0.01
_MOST_LENGTHS = 4096


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each module that drops at least a hundredth of its input."""
    varying = {item.node.path: item for _, item in lengths_on_the_way(view)}
    for node in view.nodes.values():
        if node.path in varying:
            yield from _of_samples(varying[node.path])
            continue
        parts = [item for item in node.left_out if item.unused >= _SHARE * item.size]
        if not parts:
            continue
        first = max(parts, key=lambda item: item.unused / item.size)
        words = ", ".join(f"{item.unused:,} of {item.size:,} ({item.axis})" for item in parts)
        yield _problem(node, f"{first.unused / first.size:.0%} of its input", f"{words} unused"[:60])


def _of_samples(item: Visit) -> Iterator[Problem]:
    """Yield a problem if samples of different lengths lose steps at their own ends."""
    wire, span = item.wires[0]
    component = item.component
    # Most modules leave nothing out: they need not be asked for each length.
    if span is None or not isinstance(component, Module) or type(component).left_out is Module.left_out:
        return
    axis, dims = wire.shape.time_axis or 0, list(wire.shape.dims)
    # Of texts the longest sample is known by the shape alone.
    longest = span.counts[1] if len(span.counts) > len(TRIED) + 1 else dims[axis] or 1
    lengths = range(max(1, span.counts[0]), longest + 1)[:_MOST_LENGTHS]
    parts: list[LeftOut] = []
    for length in lengths:
        dims[axis] = length
        shapes = (wire.shape._replace(dims=tuple(dims)), *(other.shape for other, _ in item.wires[1:]))
        parts += component.left_out(_by_port(item, shapes)) or ()
    if parts and sum(part.unused / part.size for part in parts) >= _SHARE * len(lengths):
        most = max(part.unused for part in parts)
        steps = "the last step" if most == 1 else f"up to {most:,} steps"
        yield _problem(item.node, f"{steps} of samples", f"lengths from {lengths[0]:,} to {longest:,} steps")


def _by_port(item: Visit, shapes: tuple[Shape, ...]) -> Inputs:
    """Return the shapes of all wires by port."""
    inputs: dict[str, tuple[Shape, ...]] = {}
    for (wire, _), shape in zip(item.wires, shapes, strict=True):
        inputs[wire.port] = (*inputs.get(wire.port, ()), shape)
    return inputs


def _problem(node: ModulePlan, what: str, label: str) -> Problem:
    return Problem(
        CODE,
        f"`{node.name}` drops {what}",
        at=f"model.{node.name}",
        on="key",
        label=label,
        notes=("they are after the last whole patch, or at an edge that strides and pooling drop",),
        helps=(
            "choose patches, strides or stages that divide the size",
            "or resize the input: `size`, `resize`, `resample`, `pad`",
        ),
    )
