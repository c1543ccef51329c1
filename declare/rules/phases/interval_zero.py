"""An interval of length zero has no meaning."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.durations import durations
from declare.rules.spec_parts import phases
from declare.rules.spec_view import View

CODE = "PHS605"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each interval and patience of length zero."""
    for phase in phases(view):
        for timed in durations(phase):
            if timed.duration.value == 0 and timed.kind in {"interval", "patience"}:
                yield Problem(
                    CODE,
                    f"{timed.what} is stated as `{timed.duration}`",
                    at=timed.path,
                    label="an interval of length zero",
                    helps=("state at least `1 steps`, or remove it to use the default",),
                )
