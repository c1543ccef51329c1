"""Shapes: walk the graph, parents first, and work out outputs and costs of every node."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from declare.compiler.graph.heads import head_wiring
from declare.compiler.graph.input_domain import input_domain
from declare.compiler.graph.input_precision import input_precision
from declare.compiler.graph.remainders import left_out
from declare.compiler.graph.shape_inference import InferredShapes, Shaper
from declare.compiler.graph.shared_head import in_units_of, inverse_mismatch
from declare.compiler.graph.wiring import module_wiring, reads_unknown, usage
from declare.compiler.graph_types import GraphNode, Wiring
from declare.compiler.meta.padding_probe import padding_problems
from declare.compiler.parameters.pretrained_files import pretrained_files
from declare.compiler.reports import Note, Reports, Skip, catch
from declare.compiler.stages import LinkedSpec, ShapedSpec, WiredSpec
from declare.contract.kinds.module import Module
from declare.contract.kinds.task import Target
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.ir.plan import ModulePlan, NodeVariant, inputs_by_port
from declare.rules.spec_parts import get, task_names


def run(stage: LinkedSpec) -> Reports[ShapedSpec]:
    """Yield inputs that do not fit, and modules that nothing reads."""
    wired = yield from _wire(stage)
    nodes: dict[str, ModulePlan] = {}
    yield from catch(_infer_nodes(wired, nodes), None)
    shaped = ShapedSpec(**vars(wired), nodes=nodes)
    yield from catch(_check_values(shaped), None)
    return shaped


def _wire(stage: LinkedSpec) -> Reports[WiredSpec]:
    """Return the spec with its graph; yield inputs that several things could be, and modules that nothing reads."""
    modules = yield from module_wiring(stage)
    wiring = yield from catch(head_wiring(stage, modules), modules)
    wiring = yield from usage(stage, wiring)
    yield from _unread_modules(stage, wiring)
    return (yield from _share_heads(stage, wiring))


def _infer_nodes(stage: WiredSpec, nodes: dict[str, ModulePlan]) -> Reports[None]:
    """Put the plan of each node that can be known into `nodes`."""
    shaper = Shaper(stage)
    for path, node in stage.wiring.nodes.items():
        if path not in stage.wiring.datasets:
            continue
        plan = _node(stage, shaper, node)
        if isinstance(plan, ModulePlan) and not _has_sources(plan, nodes):
            plan = None
        if isinstance(plan, ModulePlan):
            nodes[path] = plan
            yield from (problem.with_prefix(node.at) for problem in pretrained_files(node.component, plan))
            yield Note(f"`{path}`: {', '.join(f'{key} {shape}' for key, shape in plan.outputs.items())}")
        elif isinstance(plan, Problem):
            yield plan
        else:
            yield Skip(node.at)


def _has_sources(plan: ModulePlan, nodes: Mapping[str, ModulePlan]) -> bool:
    """Return whether all modules that a node reads are known, not just their outputs for one dataset."""
    names = {name for node in nodes.values() for name in (node.path, node.name)}
    wires = (wire for dataset in plan.datasets for wire in plan.wires_of(dataset))
    return all(wire.source == "field" or wire.name in names for wire in wires)


def _check_values(stage: ShapedSpec) -> Reports[None]:
    yield from input_domain(stage)
    yield from input_precision(stage)
    yield from padding_problems(stage)


def _node(stage: WiredSpec, shaper: Shaper, node: GraphNode) -> ModulePlan | Problem | None:
    datasets = stage.wiring.datasets[node.path]
    adapts = isinstance(node.component, Module) and node.component.adapts
    if not node.component.per_dataset and not adapts:
        shapes = shaper.merged_datasets(node, datasets)
        return _plan(node, shapes, datasets, {}) if isinstance(shapes, InferredShapes) else shapes
    variants: dict[str, NodeVariant] = {}
    for name in datasets:
        one = shaper.one(node.path, name)
        if not isinstance(one, InferredShapes):
            return one
        variants[name] = NodeVariant(
            wires=one.wires,
            outputs=one.outputs,
            parameters=one.costs.parameters,
            flops=one.costs.flops,
            activation_bytes=one.costs.activation_bytes,
        )
    first = shaper.one(node.path, datasets[0])
    assert isinstance(first, InferredShapes)
    if adapts and not node.component.per_dataset:
        assert isinstance(node.component, Module)
        inputs = {name: inputs_by_port(variant.wires) for name, variant in variants.items()}
        first = first._replace(costs=node.component.costs_each(inputs))
    return _plan(node, first, datasets, variants)


def _plan(
    node: GraphNode, shapes: InferredShapes, datasets: tuple[str, ...], variants: dict[str, NodeVariant]
) -> ModulePlan:
    return ModulePlan(
        name=node.name,
        path=node.path,
        role=node.role,
        block=node.component.dump() | {"input": None},  # the wires have it, stated or inferred
        wires=shapes.wires,
        outputs=shapes.outputs,
        per_dataset=node.component.per_dataset,
        datasets=datasets,
        variants=variants,
        parameters=shapes.costs.parameters,
        flops=shapes.costs.flops,
        activation_bytes=shapes.costs.activation_bytes,
        layers=shapes.layers,
        left_out=left_out(node, shapes.wires),
    )


def _share_heads(stage: LinkedSpec, wiring: Wiring) -> Reports[WiredSpec]:
    """Yield tasks that share a head with a task of another target, and leave them without one.

    Amounts are then those of the head's own task, so that its output means the same in both.
    """
    heads = dict(wiring.heads)
    for name, path in wiring.heads.items():
        owner = wiring.nodes[path].task
        if owner == name:
            continue
        problem = _target_mismatch(stage, name, owner) or inverse_mismatch(stage, name, owner)
        if problem is None:
            stage = in_units_of(stage, name, owner)
        else:
            del heads[name]
            yield problem
    return WiredSpec(**vars(stage), wiring=replace(wiring, heads=heads))


def _target_mismatch(stage: LinkedSpec, name: str, owner: str) -> Problem | None:
    """Return the problem that two tasks of one head need different outputs of it."""
    datasets = [None, *stage.dataset_targets.get(name, {})]
    pairs = [(_needs(stage.target(name, item)), _needs(stage.target(owner, item))) for item in datasets]
    here, there = next((pair for pair in pairs if pair[0] != pair[1]), (None, None))
    if here is None or there is None:
        return None
    mine, theirs = _describe_difference(here, there)
    return Problem(
        "SHP517",
        f"tasks `{owner}` and `{name}` share a head but need {theirs} and {mine}",
        at=f"tasks.{name}.head",
        label=f"needs {mine}",
        also={f"tasks.{owner}": f"needs {theirs}"},
        helps=(f"give `{name}` its own head",),
    )


def _needs(target: Target) -> tuple[Shape, tuple[str, ...] | None]:
    """Return what a head must give for a target, and what its places mean."""
    return target.output, target.classes


def _describe_difference(
    here: tuple[Shape, tuple[str, ...] | None], there: tuple[Shape, tuple[str, ...] | None]
) -> tuple[str, str]:
    """Return in words what sets two needs apart: the shape, or else the first class that differs."""
    if here[0] != there[0]:
        return str(here[0]), str(there[0])
    pairs = zip(here[1] or (), there[1] or (), strict=False)
    one, other = next((pair for pair in pairs if pair[0] != pair[1]), ("none", "none"))
    return f"class `{one}`", f"class `{other}`"


def _unread_modules(stage: LinkedSpec, wiring: Wiring) -> Iterator[Problem]:
    """Yield modules that no task's head reads; nothing while some head is unknown."""
    if get(stage.spec, "tasks") is None or len(wiring.heads) < len(task_names(stage)):
        return
    if reads_unknown(stage, wiring):
        return
    for name in get(stage.spec, "model") or ():
        if name in wiring.nodes and name not in wiring.datasets:
            yield Problem(
                "REF210",
                f"module `{name}` has no effect: no task's head reads it",
                at=f"model.{name}",
                on="key",
                label="read by no head",
                helps=("let a head or a module read it, or remove it",),
            )
