"""Heads in the graph: which component serves a task, and what it reads."""

from typing import Any

from declare.compiler.graph.wiring import ambiguous, reads_unknown
from declare.compiler.graph_types import GraphNode, Ref, Wiring
from declare.compiler.names.inputs import refs
from declare.compiler.reports import Reports, Skip
from declare.compiler.stages import LinkedSpec, ReadSpec, TransformedSpec, WiredSpec
from declare.contract.kinds.module import Head
from declare.contract.problem import Problem
from declare.parsing.lookup import find
from declare.parsing.poison import POISON, contains_poison
from declare.parsing.read_component import read_component
from declare.rules.spec_parts import LocatedBlock, get, task_datasets, tasks


def head_wiring(stage: LinkedSpec, modules: Wiring) -> Reports[Wiring]:
    """Return the wiring with the heads of readable tasks; yield those whose input several modules could be."""
    wired = WiredSpec(**vars(stage), wiring=modules)
    nodes = dict(modules.nodes)
    heads: dict[str, str] = {}
    for task in tasks(stage):
        if task.name not in stage.targets or get(task.block, "head") is POISON:
            continue
        owner = _owner(stage, task.name)
        if owner is None:
            yield Skip(f"{task.path}.head")
            continue
        heads[task.name] = f"heads.{owner}"
        head = (yield from _head_node(wired, task)) if owner == task.name else None
        if head is not None:
            nodes[head.path] = head
    return Wiring(nodes, {name: path for name, path in heads.items() if path in nodes})


def _head_node(stage: WiredSpec, task: LocatedBlock[Any]) -> Reports[GraphNode | None]:
    """Return the head of a task that has one; None if its input is unknown."""
    if isinstance(task.block.head, str) and find("heads", task.block.head) is None:
        yield Skip(f"{task.path}.head")  # the pass of names reports an unknown name
        return None
    component, at = _head(task.block, task.path)
    if contains_poison(component):
        yield Skip(at)
        return None
    inputs = refs(component, at) or _sink(stage, task.name, component, at)
    if isinstance(inputs, Problem):
        yield inputs
        return None
    known = [ref for ref in inputs if ref.name in stage.wiring.nodes or _is_field(stage, ref.name)]
    if not inputs or len(known) < len(inputs):
        yield Skip(at)
        return None
    return GraphNode(f"heads.{task.name}", task.name, "head", component, at, tuple(inputs), task.name)


def _owner(stage: ReadSpec, task: str) -> str | None:
    """Return the task whose head a task uses; None if that goes round or cannot be read."""
    seen: list[str] = []
    while task not in seen:
        seen.append(task)
        block = get(stage.spec, "tasks", task)
        if block is None or block.head is POISON:
            return None
        if not isinstance(block.head, str) or block.head not in stage.spec.tasks:
            return task
        task = block.head
    return None


def _head(task: Any, path: str) -> tuple[Head, str]:
    """Return the head component of a task: its own, the one that it names, or the type's default."""
    if isinstance(task.head, Head):
        return task.head, f"{path}.head"
    if isinstance(task.head, str):
        return read_component("heads", {"type": task.head}), f"{path}.head"
    return read_component("heads", task.own_head()), path


def _is_field(stage: TransformedSpec, name: str) -> bool:
    return any(name in shapes for shapes in stage.shapes.values())


def _sink(stage: WiredSpec, task: str, component: Head, at: str) -> list[Ref] | Problem:
    """Choose the module that a head without `input` reads: the only one that no other module reads.

    Empty if the modules are not all known.
    """
    modules = stage.wiring.nodes
    names = task_datasets(stage, stage.spec.tasks[task])
    known = get(stage.spec, "model")
    referenced_names = {ref.name for node in modules.values() for ref in node.refs}
    if known is None or len(modules) < len(known) or any(name not in stage.shapes for name in names):
        return []
    if reads_unknown(stage, stage.wiring):
        return []
    free = [name for name in modules if name not in referenced_names]
    sinks = [name for name in free if _is_available(stage, name, names)] or free
    if len(sinks) > 1:
        sinks = [name for name in sinks if _gives(stage, name, names, component)] or sinks
    port = component.ports[0]
    if len(sinks) == 1:
        return [Ref(port.name, sinks[0], None, at)]
    return ambiguous(f"the head of {task}", at, port.takes, sinks or list(modules))


def _is_available(stage: WiredSpec, module: str, datasets: tuple[str, ...]) -> bool:
    """Return whether all that a module reads is in each of the datasets."""
    fields = {ref.name for _, ref in stage.wiring.fields(module)}
    return all(fields <= set(stage.shapes.get(name, {})) for name in datasets)


def _gives(stage: WiredSpec, module: str, datasets: tuple[str, ...], head: Head) -> bool:
    from declare.compiler.graph.shape_inference import Shaper

    shaper = Shaper(stage)
    outputs = shaper.outputs(module, datasets[0]) if datasets else None
    return bool(outputs) and any(shape.layout in head.ports[0].takes for shape in (outputs or {}).values())
