"""A number apart from all others that files often contain for "missing" usually means that."""

from collections.abc import Iterator

from declare.contract import strict_json
from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, fields
from declare.rules.spec_view import View

CODE = "DAT401"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each field in which -999, 1900-01-01 and so on occur, apart from all others."""
    for dataset, name, facts in fields(view):
        for mark, (count, low, high) in facts.extra.get("suspected_marks", {}).items():
            is_time = isinstance(low, str)
            lowest, highest = (value if is_time else f"{value:g}" for value in (low, high))
            yield Problem(
                CODE,
                f'{mark} in `{name[:24]}` may mean "missing"',
                at=field_place(view, dataset, name),
                label=f"read as a {'time' if is_time else 'number'} like any other",
                notes=(f"{mark} occurs {count:g} times; all others are between {lowest} and {highest}",),
                helps=(
                    f'if it means "missing", state `missing: [{strict_json.dumps(mark) if is_time else mark}]`',
                ),
            )
