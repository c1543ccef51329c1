"""An input with the same value in every training sample carries no information."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, fields, input_fields, target_fields
from declare.rules.spec_view import View

CODE = "DAT342"
STAGE = "shapes"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each input or target that is constant."""
    for dataset, name, facts in fields(view):
        used = input_fields(view, dataset) | target_fields(view, dataset)
        if name not in used or facts.minimum is None or facts.minimum != facts.maximum:
            continue
        if view.facts[dataset].splits.get("train", 0) < 2:
            continue
        role = "input" if name in input_fields(view, dataset) else "target"
        yield Problem(
            CODE,
            f"{role} `{name}` of `{dataset}` is {facts.minimum:g} in every training sample",
            at=field_place(view, dataset, name),
            label="one value only",
            helps=("check the column and its `missing:` values", "remove it"),
        )
