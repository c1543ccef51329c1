"""Texts without a token make no sample: said once, with their number."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, fields
from declare.rules.spec_view import View

CODE = "DAT364"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield each dataset that leaves empty texts out."""
    reported: set[str] = set()
    for dataset, name, facts in fields(view):
        empty = facts.extra.get("empty", 0)
        if not empty or dataset in reported:
            continue
        reported.add(dataset)
        whole = view.facts[dataset].num_samples
        noun = "text is" if empty == 1 else "texts are"
        yield Problem(
            CODE,
            f"{empty} {noun} empty and left out of `{dataset}`; {whole} samples stay",
            at=field_place(view, dataset, name),
            label="some hold no token",
        )
