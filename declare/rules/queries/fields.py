"""Fields of a dataset, as stated in the spec or known from the source."""

from collections.abc import Iterator, Mapping
from typing import Any

from declare.contract.facts import FieldFacts
from declare.contract.kinds.field import Field
from declare.contract.kinds.tokenizer import learned_tokens
from declare.contract.shapes import Layout, Shape
from declare.ir.plan import ModulePlan
from declare.parsing.lookup import find
from declare.rules.spec_parts import datasets, get, modules, task_datasets, tasks
from declare.rules.spec_view import View


def field_layout(view: View, dataset: str, field: str) -> tuple[str, Layout] | None:
    """Return a field's type and layout; None if unknown."""
    stated = get(view.spec, "datasets", dataset, "fields", field)
    if isinstance(stated, Field):
        return stated.type_name(), stated.layout
    if get(view.spec, "datasets", dataset, "fields") and stated is None:
        return None
    block = view.facts[dataset].blocks.get(field) if dataset in view.facts else None
    cls = find("fields", str(block["type"])) if block and "type" in block else None
    return (cls.type_name(), cls.layout) if cls is not None and issubclass(cls, Field) else None


def field_place(view: View, dataset: str, field: str) -> str:
    """Return the path that defines a field: its block, or the source that knows it."""
    if get(view.spec, "datasets", dataset, "fields", field) is not None:
        return f"datasets.{dataset}.fields.{field}"
    return f"datasets.{dataset}.source"


def fields(view: View) -> Iterator[tuple[str, str, FieldFacts]]:
    """Yield dataset, field and facts of all fields of the data."""
    for dataset in datasets(view):
        if dataset.name in view.facts:
            for name, facts in view.facts[dataset.name].fields.items():
                yield dataset.name, name, facts


def classes_or_tokens(facts: FieldFacts) -> Any:
    """Return what the indices of a field are in order: class names, or the vocabulary of a text; None for numbers."""
    if "vocabulary" in facts.extra:
        return learned_tokens(facts.extra["vocabulary"])
    return None if facts.classes is None else list(facts.classes)


def input_fields(view: View, dataset: str) -> set[str]:
    """Return the fields of a dataset that modules or heads read, by wires and by the spec."""
    if dataset not in view.facts:
        return set()
    named: set[str] = set()
    for node in view.nodes.values():
        if dataset in node.datasets:
            named |= {wire.name for wire in node.wires if wire.source == "field"}
    for module in modules(view):
        named |= set(input_names(module.block))
    for task in tasks(view):
        if dataset in task_datasets(view, task.block):
            named |= set(input_names(get(task.block, "head")))
    return named & set(view.facts[dataset].fields)


def read_by(view: View, module: str) -> set[str]:
    """Return what a module reads: by its wires if known, else by the spec."""
    node = view.nodes.get(module)
    if node is not None:
        return {wire.name for wire in node.wires}
    return set(input_names(get(view.spec, "model", module)))


def target_fields(view: View, dataset: str) -> set[str]:
    """Return the fields of a dataset that tasks predict."""
    names = {get(task.block, "target") for task in tasks(view) if dataset in task_datasets(view, task.block)}
    return {name for name in names if isinstance(name, str)}


def input_names(node: object) -> list[str]:
    """Return the fields and modules that a node names as its inputs."""
    stated = get(node, "input")
    values = stated.values() if isinstance(stated, dict) else stated if isinstance(stated, list) else [stated]
    return [value for value in values if isinstance(value, str)]


def fields_of_task(view: View, task: str, dataset: str, *, values: bool = False) -> dict[str, Shape]:
    """Return the fields of a dataset that a task's head depends on, with their shapes after transforms.

    Of `values`, those of which not only the size is used. Empty if the head is unknown.
    """
    head = head_node(view, task)
    return {} if head is None else fields_above(view, head.path, dataset, values=values)


def fields_above(view: View, path: str, dataset: str, *, values: bool = False) -> dict[str, Shape]:
    """Return the fields of a dataset that a node depends on, with their shapes after transforms.

    Of `values`, those of which not only the size is used.
    """
    waiting, seen = [path], set[str]()
    shapes: dict[str, Shape] = {}
    while waiting:
        node = view.nodes.get(waiting.pop())
        if node is None or node.path in seen or dataset not in node.datasets:
            continue
        seen.add(node.path)
        sized = _size_only_ports(view, node.path) if values else frozenset[str]()
        for wire in node.wires_of(dataset):
            if wire.port in sized:
                continue
            if wire.source == "field":
                shapes[wire.name] = wire.shape
            else:
                waiting.append(wire.name)
    return shapes


def _size_only_ports(view: View, module: str) -> frozenset[str]:
    block = get(view.spec, "model", module)
    return (
        frozenset(port.name for port in block.ports if port.size_only) if block is not None else frozenset()
    )


def head_node(view: View, task: str) -> ModulePlan | None:
    """Return the node of a task's head, its own or another task's; None if unknown."""
    seen: set[str] = set()
    while task not in seen:
        seen.add(task)
        head = get(view.spec, "tasks", task, "head")
        if not isinstance(head, str) or head not in (get(view.spec, "tasks") or {}):
            break
        task = head
    return view.nodes.get(f"heads.{task}")


def augment_roles(
    view: View, dataset: str, tasks: list[str]
) -> tuple[Mapping[str, Shape], Mapping[str, Shape]]:
    """Return the shapes of the fields that the model reads, and of those that are targets or masks."""
    read = {
        wire.name
        for node in view.nodes.values()
        if dataset in node.datasets
        for wire in node.wires_of(dataset)
        if wire.source == "field"
    }
    aimed = {get(view.spec, "tasks", task, part) for task in tasks for part in ("target", "mask")}
    shapes = view.shapes[dataset]
    return (
        {name: shape for name, shape in shapes.items() if name in read},
        {name: shape for name, shape in shapes.items() if name in aimed},
    )
