"""Shapes: walk the graph, parents first, and work out outputs and costs of every node."""

from __future__ import annotations

from collections.abc import Iterator

from declare.compiler.graph.heads import head_wiring
from declare.compiler.graph.input_domain import input_domain
from declare.compiler.graph.input_precision import input_precision
from declare.compiler.graph.remainders import left_out
from declare.compiler.graph.shape_inference import InferredShapes, Shaper, ports
from declare.compiler.graph.shared_head import in_units_of, inverse_mismatch
from declare.compiler.graph.wiring import module_wiring, reads_unknown, usage
from declare.compiler.graph_types import GraphNode
from declare.compiler.meta.padding_probe import padding_problems
from declare.compiler.parameters.pretrained_files import pretrained_files
from declare.compiler.state import State
from declare.contract.kinds.module import Module
from declare.contract.kinds.task import Target
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.ir.plan import ModulePlan, NodeVariant
from declare.rules.spec_parts import get, task_names


def run(state: State) -> Iterator[Problem]:
    """Yield inputs that do not fit, and modules that nothing reads."""
    yield from module_wiring(state)
    yield from head_wiring(state)
    yield from usage(state)
    yield from _unread_modules(state)
    yield from _shared_heads(state)
    shaper = Shaper(state)
    for path, node in state.wiring.nodes.items():
        if path not in state.wiring.datasets:
            continue
        found = _node(state, shaper, node)
        if isinstance(found, ModulePlan):
            state.nodes[path] = found
            yield from (problem.under(node.at) for problem in pretrained_files(node.component, found))
            state.note(f"`{path}`: {', '.join(f'{key} {shape}' for key, shape in found.outputs.items())}")
        elif isinstance(found, Problem):
            yield found
        else:
            state.skip(node.at)
    yield from input_domain(state)
    yield from input_precision(state)
    yield from padding_problems(state)


def _node(state: State, shaper: Shaper, node: GraphNode) -> ModulePlan | Problem | None:
    datasets = state.wiring.datasets[node.path]
    adapts = isinstance(node.component, Module) and node.component.adapts
    if not node.component.per_dataset and not adapts:
        found = shaper.shared(node, datasets)
        return _plan(node, found, datasets, {}) if isinstance(found, InferredShapes) else found
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
        each = {name: ports(variant.wires) for name, variant in variants.items()}
        first = first._replace(costs=node.component.costs_each(each))
    return _plan(node, first, datasets, variants)


def _plan(
    node: GraphNode, found: InferredShapes, datasets: tuple[str, ...], variants: dict[str, NodeVariant]
) -> ModulePlan:
    return ModulePlan(
        name=node.name,
        path=node.path,
        role=node.role,
        block=node.component.dump() | {"input": None},  # the wires say it, stated or inferred
        wires=found.wires,
        outputs=found.outputs,
        per_dataset=node.component.per_dataset,
        datasets=datasets,
        variants=variants,
        parameters=found.costs.parameters,
        flops=found.costs.flops,
        activation_bytes=found.costs.activation_bytes,
        layers=found.layers,
        left_out=left_out(node, found.wires),
    )


def _shared_heads(state: State) -> Iterator[Problem]:
    """Yield tasks that share a head with a task of another target, and leave them without one.

    Amounts are then those of the head's own task, so that its output means the same in both.
    """
    heads = state.wiring.heads
    for name, path in list(heads.items()):
        owner = state.wiring.nodes[path].task
        if owner == name:
            continue
        names = [None, *state.own_targets.get(name, {})]
        pairs = [(_needs(state.target(name, each)), _needs(state.target(owner, each))) for each in names]
        here, there = next((pair for pair in pairs if pair[0] != pair[1]), (None, None))
        if here is None or there is None:
            if (problem := inverse_mismatch(state, name, owner)) is not None:
                del heads[name]
                yield problem
                continue
            in_units_of(state, name, owner)
            continue
        own, theirs = _describe_difference(here, there)
        del heads[name]
        yield Problem(
            "SHP517",
            f"tasks `{owner}` and `{name}` share a head but need {theirs} and {own}",
            at=f"tasks.{name}.head",
            label=f"needs {own}",
            also={f"tasks.{owner}": f"needs {theirs}"},
            helps=(f"give `{name}` a head of its own",),
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


def _unread_modules(state: State) -> Iterator[Problem]:
    """Yield modules that no task's head reads; nothing is said while some head is unknown."""
    if get(state.spec, "tasks") is None or len(state.wiring.heads) < len(task_names(state.view)):
        return
    if reads_unknown(state):
        return
    for name in get(state.spec, "model") or ():
        if name in state.wiring.nodes and name not in state.wiring.datasets:
            yield Problem(
                "REF210",
                f"module `{name}` has no effect: no task's head reads it",
                at=f"model.{name}",
                on="key",
                label="read by no head",
                helps=("let a head or a module read it, or remove it",),
            )
