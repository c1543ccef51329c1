"""A number apart from all others that files often contain for "missing" usually means that."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, fields
from declare.rules.spec_view import View

CODE = "DAT401"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each number field in which -999 and the like occur several times, apart from the others."""
    for dataset, name, facts in fields(view):
        for mark, (count, low, high) in facts.extra.get("suspected_marks", {}).items():
            yield Problem(
                CODE,
                f'{mark} in `{name[:24]}` may mean "missing"',
                at=field_place(view, dataset, name),
                label="read as a number like any other",
                notes=(f"{mark} occurs {count:g} times; all others are between {low:g} and {high:g}",),
                helps=(f'if it means "missing", state `missing: [{mark}]` on the field',),
            )
