"""Inputs and targets of which a transform makes nothing: a logarithm of what is not positive."""

from __future__ import annotations

from collections.abc import Iterator

from declare.compiler.dataset_plan import dataset_plan
from declare.compiler.graph.readable_data import values_known
from declare.compiler.state import State
from declare.contract.problem import Problem
from declare.ir.plan import DatasetPlan
from declare.reading.read_component import read_component
from declare.rules.queries.fields import input_fields, target_fields


def input_domain(state: State) -> Iterator[Problem]:
    """Yield inputs and targets with values that have no image under a transform of their field."""
    for dataset in state.shapes:
        if not values_known(state, dataset):
            state.skip(f"datasets.{dataset}")
            continue
        plan = dataset_plan(state, dataset)
        for field in sorted(input_fields(state.view, dataset) | target_fields(state.view, dataset)):
            if field in state.shapes[dataset] and _may_fail(plan, field):
                from declare.data.store.transform_domain import outside_domain

                yield from outside_domain(plan, f"datasets.{dataset}", field)


def _may_fail(plan: DatasetPlan, field: str) -> bool:
    """Return whether a transform of a field has no image for some values."""
    own = (block for block in plan.transforms if field in (block.get("field"), *(block.get("fields") or ())))
    return any(read_component("transforms", block).partial for block in own)
