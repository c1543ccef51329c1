"""What modules leave over of their inputs: steps after the last whole patch, pixels at an edge that halving drops."""

from collections.abc import Sequence

from declare.compiler.graph_types import GraphNode
from declare.contract.kinds.module import LeftOut, Module
from declare.contract.problem import Problem
from declare.contract.shapes import AXES, Shape
from declare.ir.plan import LeftOutPlan, Wire, inputs_by_port

_SPATIAL = frozenset({"series", "image", "video"})


def left_out(node: GraphNode, wires: tuple[Wire, ...]) -> tuple[LeftOutPlan, ...]:
    """Return what a module never looks at of its first input; nothing for heads, and if sizes vary."""
    if not isinstance(node.component, Module) or not wires:
        return ()
    remainders: Sequence[LeftOut] | None = node.component.left_out(inputs_by_port(wires))
    if remainders is None:
        shape = wires[0].shape
        remainders = (
            _measured_remainders(node, wires, shape)
            if shape.layout in _SPATIAL and None not in shape.dims
            else ()
        )
    return tuple(LeftOutPlan(axis=item.axis, unused=item.unused, size=item.size) for item in remainders)


def _measured_remainders(node: GraphNode, wires: tuple[Wire, ...], shape: Shape) -> Sequence[LeftOut]:
    """Return what the real module leaves over in its strided layers, in steps of its input."""
    from declare.compiler.meta.shape_cache import probe

    assert isinstance(node.component, Module)
    answer = probe(node.kind, node.component, inputs_by_port(wires))
    if isinstance(answer, Problem):
        return ()
    sizes = [int(dim or 0) for dim in shape.dims[1:]]
    # Layers with other axes than the input are not compared with it.
    shares = answer.left_out if len(answer.left_out) <= len(sizes) else ()
    remainders = (
        LeftOut(axis, round(share * size), size)
        for axis, size, share in zip(AXES[shape.layout][1:], sizes, shares, strict=False)
    )
    return [item for item in remainders if item.unused]
