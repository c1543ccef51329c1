"""Predictions that are words: generated texts, and classes of words."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from declare.contract.kinds.task import Task
from declare.ir.plan import Plan, TaskPlan
from declare.lowering.data.tables import Tables
from declare.parsing.read_component import read_component


def with_prompts(plan: Plan, dataset: str) -> Plan:
    """Return a plan whose texts are read as prompts if a task of the dataset continues them."""
    dataset_plan = plan.datasets[dataset]
    fields = dict(dataset_plan.fields)
    for _, task in _writing(plan, dataset):
        name = task.target
        if name in fields:
            field = read_component("fields", fields[name].block).prompt()
            fields[name] = fields[name].model_copy(update={"block": field.dump()})
    prompted = dataset_plan.model_copy(update={"fields": fields})
    return plan.model_copy(update={"datasets": plan.datasets | {dataset: prompted}})


def generated_fields(plan: Plan, dataset: str) -> set[str]:
    """Return the fields that a model writes from nothing, so that inputs need not hold them."""
    fields = {str(task.target) for _, task in _writing(plan, dataset) if not task.prompted}
    return fields - {str(task.target) for _, task in _writing(plan, dataset) if task.prompted}


def required_texts(plan: Plan, dataset: str) -> list[str]:
    """Return the texts that a model reads and does not generate or continue."""
    written = {str(task.target) for _, task in _writing(plan, dataset)}
    texts = {
        wire.name
        for node in plan.nodes
        if dataset in node.datasets
        for wire in node.wires_of(dataset)
        if wire.source == "field" and wire.shape.layout == "tokens"
    }
    return sorted(texts - written)


def _writing(plan: Plan, dataset: str) -> list[tuple[str, Task]]:
    tasks = [
        (name, read_component("tasks", task.block))
        for name, task in plan.tasks.items()
        if dataset in task.datasets
    ]
    return [(name, task) for name, task in tasks if task.generates]


def rows(
    plan: Plan, place: tuple[str, str], tables: Tables, task: TaskPlan, prediction: Mapping[str, Tensor]
) -> Any:
    """Return the predicted text of a task for each sample, None if it has none.

    `place` is the dataset and the split. Tags are those of the whole text, put together from all of its windows;
    None for words that the model did not read.
    """
    dataset, split = place
    target = read_component("tasks", task.block).target
    field = plan.datasets[dataset].fields.get(target or "")
    if field is None or not set(prediction) & {"text", "tags"}:
        return None
    component = read_component("fields", field.block)
    if "text" in prediction:
        return [{"text": text} for text in component.decode(prediction["text"].numpy(), field.facts)]
    text_field = component.aligned_with() or ""
    pool, samples = tables.pool(dataset), tables.table(dataset, split).rows
    facts = plan.datasets[dataset].fields[text_field].facts
    token_positions = pool.fields[text_field].token_positions(pool.raw(text_field, samples), facts)
    names = task.target_of(dataset).classes or ()
    texts: dict[int, list[str | None]] = {}
    for text, row, places in zip(
        pool.texts_of(samples), prediction["tags"].numpy(), token_positions, strict=True
    ):
        tags = texts.setdefault(text, [None] * len(places))
        for word, tag in _tags(row, places, names).items():
            tags[word] = tag
    return [{"tags": texts[text]} for text in pool.texts_of(samples)]


def _tags(row: np.ndarray[Any, Any], places: list[int], names: tuple[str, ...]) -> dict[int, str]:
    """Return the class of each word whose first token the model read."""
    return {word: names[int(row[place])] for word, place in enumerate(places) if 0 <= place < len(row)}
