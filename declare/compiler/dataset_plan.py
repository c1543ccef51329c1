"""The part of the plan that is a dataset: source, fields, transforms and split, resolved."""

from collections.abc import Iterable
from typing import Any

from declare.compiler.stages import TransformedSpec
from declare.contract.component import plain
from declare.contract.kinds.transform import facts_before
from declare.ir.plan import DatasetPlan, FieldPlan, TaskPlan


def dataset_plan(stage: TransformedSpec, name: str, tasks: Iterable[TaskPlan] = ()) -> DatasetPlan:
    """Return the plan of a dataset whose facts and field shapes are known, for `tasks`."""
    block, facts = stage.spec.datasets[name], stage.facts[name]
    split = block.split if block.split.seed is not None else _with_seed(block.split, stage.spec.seed)
    return DatasetPlan(
        source=block.source.dump(),
        fingerprint=facts.fingerprint,
        num_samples=facts.num_samples,
        fields={
            field: FieldPlan(
                # A field that no transform fits keeps the shape of its source: an error has been reported.
                block=facts.blocks[field],
                facts=field_facts,
                shape=stage.shapes[name].get(field, field_facts.shape),
                double=any(_needs_double(task, name, field) for task in tasks),
            )
            for field, field_facts in facts.fields.items()
        },
        transforms=tuple(
            item.resolve(known).dump()
            for item, known in zip(
                block.transforms, facts_before(block.transforms, facts.fields), strict=True
            )
        ),
        split=plain(split),
        splits=facts.splits,
        missing=facts.missing,
        cache=block.cache,
        on_corrupt={"action": "error", "limit": 0}
        if block.on_corrupt == "error"
        else plain(block.on_corrupt),
        limit=block.limit,
        passed_over=facts.passed_over,
    )


def _needs_double(task: TaskPlan, dataset: str, field: str) -> bool:
    """Return whether a task learns a field whose numbers single precision would change."""
    return task.target_field == field and dataset in task.datasets and task.target_of(dataset).double


def _with_seed(split: Any, seed: int) -> Any:
    return split.model_copy(update={"seed": seed})
