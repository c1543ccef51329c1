"""The module tree of a plan's nodes: found once by a probe and kept in the user's cache."""

from declare.compiler.meta import shape_cache
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.ir.plan import LayerPlan, ModulePlan, Plan, inputs_by_port
from declare.parsing.read_component import read_component
from declare.report.report import Layer


def layers_of(plan: Plan) -> dict[str, tuple[Layer, ...]]:
    """Return the layers of every node by its path; a node that cannot be probed has none.

    Imports torch if the cache does not know a node yet.
    """
    outputs = {task.head: task.target.output for task in plan.tasks.values()}
    return {node.path: _layers(node, outputs.get(node.path)) for node in plan.nodes}


def _layers(node: ModulePlan, output: Shape | None) -> tuple[Layer, ...]:
    layers = node.layers or _measured_layers(node, output)
    return tuple(
        Layer(
            name=layer.name,
            type=layer.type,
            shape="x".join(map(str, layer.shape)) if layer.shape else "",
            parameters=layer.parameters,
            flops=layer.flops,
        )
        for layer in layers
    )


def _measured_layers(node: ModulePlan, output: Shape | None) -> tuple[LayerPlan, ...]:
    head = node.role == "head"
    component = read_component(node.kind, node.block)
    variant = next(iter(node.variants.values()), None)
    inputs = inputs_by_port(variant.wires if variant else node.wires)
    layers = shape_cache.layers(component, inputs, output if head else None)
    return () if isinstance(layers, Problem) else layers
