"""Fields of a dataset as the spec states them or the source knows them."""

from __future__ import annotations

from collections.abc import Iterator

from declare.contract.data import FieldFacts
from declare.contract.field import Field
from declare.contract.lookup import find
from declare.contract.shapes import Layout
from declare.rules.parts import datasets, given, modules, task_datasets, tasks
from declare.rules.view import View


def field_layout(view: View, dataset: str, field: str) -> tuple[str, Layout] | None:
    """Return a field's type and layout, or None where it is not known."""
    stated = given(view.spec, "datasets", dataset, "fields", field)
    if isinstance(stated, Field):
        return stated.type_name(), stated.layout
    if given(view.spec, "datasets", dataset, "fields") and stated is None:
        return None
    block = view.facts[dataset].blocks.get(field) if dataset in view.facts else None
    cls = find("fields", str(block["type"])) if block and "type" in block else None
    return (cls.type_name(), cls.layout) if cls is not None and issubclass(cls, Field) else None


def field_place(view: View, dataset: str, field: str) -> str:
    """Return the path that says what a field is: its block, or the source that knows it."""
    if given(view.spec, "datasets", dataset, "fields", field) is not None:
        return f"datasets.{dataset}.fields.{field}"
    return f"datasets.{dataset}.source"


def fields(view: View) -> Iterator[tuple[str, str, FieldFacts]]:
    """Yield dataset, field and facts of everything that the data say."""
    for dataset in datasets(view):
        if dataset.name in view.facts:
            for name, facts in view.facts[dataset.name].fields.items():
                yield dataset.name, name, facts


def input_fields(view: View, dataset: str) -> set[str]:
    """Return the fields of a dataset that modules or heads read as inputs."""
    if dataset not in view.facts:
        return set()
    known = set(view.facts[dataset].fields)
    named: set[str] = set()
    for module in modules(view):
        named |= set(_inputs(given(module.block, "input")))
    for task in tasks(view):
        if dataset in task_datasets(view, task.block):
            named |= set(_inputs(given(task.block, "head", "input")))
    return known & named


def target_fields(view: View, dataset: str) -> set[str]:
    """Return the fields of a dataset that tasks predict."""
    found = {
        given(task.block, "target") for task in tasks(view) if dataset in task_datasets(view, task.block)
    }
    return {name for name in found if isinstance(name, str)}


def _inputs(stated: object) -> list[str]:
    values = stated.values() if isinstance(stated, dict) else stated if isinstance(stated, list) else [stated]
    return [value for value in values if isinstance(value, str)]
