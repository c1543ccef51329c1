"""Inputs and targets of which a transform makes nothing: a logarithm of what is not positive."""

from declare.compiler.dataset_plan import dataset_plan
from declare.compiler.graph.readable_data import values_known
from declare.compiler.reports import Reports, Skip
from declare.compiler.stages import ShapedSpec
from declare.ir.plan import DatasetPlan
from declare.parsing.read_component import read_component
from declare.rules.queries.fields import input_fields, target_fields


def input_domain(stage: ShapedSpec) -> Reports[None]:
    """Yield inputs and targets with values that have no image under a transform of their field."""
    for dataset in stage.shapes:
        if not values_known(stage, dataset):
            yield Skip(f"datasets.{dataset}")
            continue
        plan = dataset_plan(stage, dataset)
        for field in sorted(input_fields(stage.view, dataset) | target_fields(stage.view, dataset)):
            if field in stage.shapes[dataset] and _may_fail(plan, field):
                from declare.data.store.transform_domain import outside_domain

                yield from outside_domain(plan, f"datasets.{dataset}", field)


def _may_fail(plan: DatasetPlan, field: str) -> bool:
    """Return whether a transform of a field has no image for some values."""
    blocks = (
        block for block in plan.transforms if field in (block.get("field"), *(block.get("fields") or ()))
    )
    return any(read_component("transforms", block).partial for block in blocks)
