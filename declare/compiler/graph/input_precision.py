"""Input numbers, and how many distinct ones remain in float32."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from declare.compiler.dataset_plan import dataset_plan
from declare.compiler.graph.readable_data import values_known
from declare.compiler.reports import Reports, Skip
from declare.compiler.stages import ShapedSpec
from declare.contract.facts import FieldFacts
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Layout
from declare.ir.plan import DatasetPlan
from declare.parsing.read_component import read_component
from declare.rules.queries.fields import field_place, input_fields
from declare.rules.spec_view import View

if TYPE_CHECKING:
    from declare.data.store.single_precision import RoundedValues

_NUMBERS: frozenset[Layout] = frozenset({"number", "vector", "series", "sequence", "counts"})
_NEGLIGIBLE = 1e-4
"""A gap this small relative to the deviation changes no result: recordings with an offset, temperatures in kelvin."""
_MOST = 0.5
_ROUNDING, _LEAST, _LARGEST = 2.0**-23, 2.0**-126, (2 - 2.0**-23) * 2.0**127


def input_precision(stage: ShapedSpec) -> Reports[None]:
    """Yield inputs whose different values single precision merges, after their transforms."""
    for dataset in stage.shapes:
        plan = None
        if not values_known(stage, dataset):
            yield Skip(f"datasets.{dataset}")
            continue
        for field in sorted(input_fields(stage.view, dataset)):
            facts = stage.facts[dataset].fields[field]
            if (
                facts.shape.layout not in _NUMBERS
                or facts.num_nonfinite
                or field not in stage.shapes[dataset]
            ):
                continue
            plan = plan or dataset_plan(stage, dataset)
            if _may_merge(plan, field, facts):
                yield from _precision_problems(stage.view, plan, dataset, field)


def _may_merge(plan: DatasetPlan, field: str, facts: FieldFacts) -> bool:
    """Return whether the range of a field allows merging; checked with one number of the source."""
    if facts.minimum is None or facts.maximum is None:
        return False
    largest = max(abs(facts.minimum), abs(facts.maximum))
    if facts.minimum == facts.maximum or largest > _LARGEST:
        return largest > _LARGEST
    changed = any(field in (block.get("field"), *(block.get("fields") or ())) for block in plan.transforms)
    if changed or facts.shape.layout != "number" or not facts.std:
        return True
    return largest < _LEAST / _ROUNDING or largest * _ROUNDING > _NEGLIGIBLE * facts.std


def _precision_problems(view: View, plan: DatasetPlan, dataset: str, field: str) -> Iterator[Problem]:
    from declare.data.store.single_precision import rounded_values

    try:
        rounded = rounded_values(plan, f"datasets.{dataset}", field)
    except ProblemError:
        return  # what cannot be read or transformed is reported by its own check
    if rounded is None:
        return
    place = field_place(view, dataset, field)
    if rounded.infinite or rounded.gap > _NEGLIGIBLE * rounded.std:
        yield _infinite_problem(rounded, field, place, _advice(plan, field))
    elif rounded.share_lost >= _MOST:
        yield _merged_values_problem(rounded, field, place)


def _advice(plan: DatasetPlan, field: str) -> str:
    """Return what keeps the numbers of a field apart."""
    blocks = [
        block for block in plan.transforms if field in (block.get("field"), *(block.get("fields") or ()))
    ]
    if any(read_component("transforms", block).affine for block in blocks):
        return "take `standardize` before other transforms: means are subtracted in double precision"
    return (
        f"subtract the mean first, in double precision: `transforms: [{{type: standardize, field: {field}}}]`"
    )


def _infinite_problem(values: RoundedValues, field: str, place: str, advice: str) -> Problem:
    if values.infinite:
        title = f"{values.infinite} values of input `{field}` are infinite in single precision"
        note = f"they go up to {values.largest:.3g}, single precision to 3.4e+38"
    else:
        note = f"values up to {values.gap:.3g} apart are one; the deviation is {values.std:.3g}"
        title = f"{values.distinct} different values of input `{field}` are {values.left} in single precision"
    return Problem(
        "DAT305",
        title,
        at=place,
        label="models compute in single precision",
        notes=(note, *((f"feature {values.feature}, counted from 0",) if values.feature else ())),
        helps=(advice,),
    )


def _merged_values_problem(values: RoundedValues, field: str, place: str) -> Problem:
    return Problem(
        "DAT307",
        f"{values.distinct} different values of input `{field}` are {values.left} beside a few far larger",
        at=place,
        label="nearly all are one number for the model",
        notes=(
            f"they are up to {values.gap:.3g} apart, the deviation is {values.std:.3g}",
            *((f"feature {values.feature}, counted from 0",) if values.feature else ()),
        ),
        helps=(
            f"show sizes, not values: `transforms: [{{type: log, field: {field}}}]`",
            "clip the largest, or count them as `missing` if they are marks",
        ),
    )
