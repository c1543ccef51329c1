"""Texts without tokens make no samples; their number is reported once."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, fields
from declare.rules.spec_view import View

CODE = "DAT364"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each dataset that leaves out empty texts."""
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
            f"{empty} {noun} empty and left out of `{dataset}`; {whole} samples remain",
            at=field_place(view, dataset, name),
            label="some contain no token",
        )
