"""An input with the same value in every training sample, or with none, carries no information."""

from collections.abc import Iterator

from declare.contract.facts import FieldFacts
from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, fields, input_fields, target_fields
from declare.rules.spec_view import View

CODE = "DAT342"
STAGE = "shapes"
_NUMBERS = frozenset({"number", "vector"})


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each input or target that is constant, and each input that is empty."""
    for dataset, name, facts in fields(view):
        inputs = input_fields(view, dataset)
        if name not in inputs | target_fields(view, dataset):
            continue
        value = _only_value(facts, is_input=name in inputs)
        if value is None or view.facts[dataset].splits.get("train", 0) < 2:
            continue
        role = "input" if name in inputs else "target"
        yield Problem(
            CODE,
            f"{role} `{name}` of `{dataset}` is {value} in every training sample",
            at=field_place(view, dataset, name),
            label="one value only",
            helps=("check the column and its `missing:` values", "remove it"),
        )


def _only_value(facts: FieldFacts, *, is_input: bool) -> str | None:
    """Return what a field is in every training sample, None if it varies."""
    if facts.minimum is not None:
        return f"{facts.minimum:g}" if facts.minimum == facts.maximum else None
    if not is_input:
        return None
    if facts.num_missing and (facts.classes == () or facts.shape.layout in _NUMBERS):
        return "missing"
    occurring = [place for place, count in enumerate(facts.counts.get("train", ())) if count]
    if facts.shape.layout == "category" and facts.classes and len(occurring) == 1 and not facts.num_missing:
        return f"`{facts.classes[occurring[0]][:24]}`"
    return None
