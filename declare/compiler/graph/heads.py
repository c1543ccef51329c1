"""Heads in the graph: which component serves a task, and what it reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from declare.compiler.graph.wiring import ambiguous, reads_unknown
from declare.compiler.graph_types import GraphNode, Ref
from declare.compiler.names.inputs import refs
from declare.compiler.state import State
from declare.contract.kinds.module import Head
from declare.contract.problem import Problem
from declare.reading.lookup import find
from declare.reading.poison import POISON, contains_poison
from declare.reading.read_component import read_component
from declare.rules.spec_parts import LocatedBlock, get, task_datasets, tasks


def head_wiring(state: State) -> Iterator[Problem]:
    """Add the heads of readable tasks to the wiring; yield those whose input several modules could be."""
    heads = state.wiring.heads
    for task in tasks(state.view):
        if task.name not in state.targets or get(task.block, "head") is POISON:
            continue
        owner = _owner(state, task.name)
        if owner is None:
            state.skip(f"{task.path}.head")
            continue
        heads[task.name] = f"heads.{owner}"
        if owner == task.name:
            yield from _place(state, task)
    for name in [name for name, path in heads.items() if path not in state.wiring.nodes]:
        del heads[name]


def _place(state: State, task: LocatedBlock[Any]) -> Iterator[Problem]:
    """Add the head of a task that has one of its own."""
    if isinstance(task.block.head, str) and find("heads", task.block.head) is None:
        state.skip(f"{task.path}.head")  # an unknown name is said by the pass of names
        return
    component, at = _head(task.block, task.path)
    if contains_poison(component):
        state.skip(at)
        return
    found = refs(component, at) or _sink(state, task.name, component, at)
    if isinstance(found, Problem):
        yield found
        return
    known = [ref for ref in found if ref.name in state.wiring.nodes or _is_field(state, ref.name)]
    if not found or len(known) < len(found):
        state.skip(at)
        return
    path = f"heads.{task.name}"
    state.wiring.nodes[path] = GraphNode(path, task.name, "head", component, at, tuple(found), task.name)


def _owner(state: State, task: str) -> str | None:
    """Return the task whose head a task uses; None where that goes round or cannot be read."""
    seen: list[str] = []
    while task not in seen:
        seen.append(task)
        block = get(state.spec, "tasks", task)
        if block is None or block.head is POISON:
            return None
        if not isinstance(block.head, str) or block.head not in state.spec.tasks:
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


def _is_field(state: State, name: str) -> bool:
    return any(name in shapes for shapes in state.shapes.values())


def _sink(state: State, task: str, component: Head, at: str) -> list[Ref] | Problem:
    """Choose the module that a head without `input` reads: the only one that no other module reads.

    Empty where the modules are not all known.
    """
    nodes = state.wiring.nodes
    names = task_datasets(state.view, state.spec.tasks[task])
    modules = [name for name, node in nodes.items() if node.role == "module"]
    known = get(state.spec, "model")
    read = {ref.name for node in nodes.values() if node.role == "module" for ref in node.refs}
    if known is None or len(modules) < len(known) or any(name not in state.shapes for name in names):
        return []
    if reads_unknown(state):
        return []
    free = [name for name, node in nodes.items() if node.role == "module" and name not in read]
    sinks = [name for name in free if _is_available(state, name, names)] or free
    if len(sinks) > 1:
        sinks = [name for name in sinks if _gives(state, name, names, component)] or sinks
    port = component.ports[0]
    if len(sinks) == 1:
        return [Ref(port.name, sinks[0], None, at)]
    return ambiguous(f"the head of {task}", at, port.takes, sinks or modules)


def _is_available(state: State, module: str, datasets: tuple[str, ...]) -> bool:
    """Return whether all that a module reads stands in each of the datasets."""
    fields = {ref.name for _, ref in state.wiring.fields(module)}
    return all(fields <= set(state.shapes.get(name, {})) for name in datasets)


def _gives(state: State, module: str, datasets: tuple[str, ...], head: Head) -> bool:
    from declare.compiler.graph.shape_inference import Shaper

    shaper = Shaper(state)
    outputs = shaper.outputs(module, datasets[0]) if datasets else None
    return bool(outputs) and any(shape.layout in head.ports[0].takes for shape in (outputs or {}).values())
