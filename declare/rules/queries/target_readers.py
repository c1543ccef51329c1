"""Modules that read the target of a task, on the way to its head."""

from collections.abc import Iterator

from declare.contract.kinds.task import Task
from declare.rules.spec_parts import LocatedBlock, get, tasks
from declare.rules.spec_view import View


def readers(view: View) -> Iterator[tuple[LocatedBlock[Task], str]]:
    """Yield each task with each module through which its target reaches its head."""
    for task in tasks(view):
        target, head = get(task.block, "target"), view.nodes.get(f"heads.{task.name}")
        if target is None or head is None:
            continue
        touched = _dependent_nodes(view, target)
        waiting, seen = [head.path], set[str]()
        while waiting:
            path = waiting.pop()
            node = view.nodes.get(path)
            if node is None or path in seen:
                continue
            seen.add(path)
            if path in touched and node.role == "module":
                yield task, path
            waiting += [wire.name for wire in node.wires if wire.source == "module"]


def _dependent_nodes(view: View, field: str) -> set[str]:
    """Return the nodes whose output depends on a field."""
    paths: set[str] = set()
    for path, node in view.nodes.items():
        for wire in node.wires:
            if wire.name == field if wire.source == "field" else wire.name in paths:
                paths.add(path)
    return paths
