"""The part of the plan that is a dataset: source, fields, transforms and split, resolved."""

from __future__ import annotations

from typing import Any

from declare.compiler.state import State
from declare.contract.component import plain
from declare.contract.kinds.transform import facts_before
from declare.ir.plan import DatasetPlan, FieldPlan


def dataset_plan(state: State, name: str) -> DatasetPlan:
    """Return the plan of a dataset whose facts and field shapes are known."""
    block, facts = state.spec.datasets[name], state.facts[name]
    split = block.split if block.split.seed is not None else _with_seed(block.split, state.spec.seed)
    return DatasetPlan(
        source=block.source.dump(),
        fingerprint=facts.fingerprint,
        num_samples=facts.num_samples,
        fields={
            field: FieldPlan(
                # A field that no transform fits keeps the shape of its source: an error stands already.
                block=facts.blocks[field],
                facts=found,
                shape=state.shapes[name].get(field, found.shape),
                double=_is_double(state, name, field),
            )
            for field, found in facts.fields.items()
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


def _is_double(state: State, dataset: str, field: str) -> bool:
    """Return whether a task learns a field whose numbers single precision would change."""
    return any(
        task.target_field == field and dataset in task.datasets and task.target_of(dataset).double
        for task in state.tasks.values()
    )


def _with_seed(split: Any, seed: int) -> Any:
    return split.model_copy(update={"seed": seed})
