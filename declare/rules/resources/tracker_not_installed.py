"""A tracker needs the package of its service."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.parsing.poison import contains_poison
from declare.rules.spec_parts import get
from declare.rules.spec_view import View
from declare.system.extras import is_installed, tracker_missing

CODE = "RES850"
STAGE = "hardware"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each tracker whose package is not installed."""
    stated = get(view.spec, "tracking")
    several = isinstance(stated, list)
    for index, tracker in enumerate(stated if several else [stated]):
        if (
            tracker is None
            or contains_poison(tracker)
            or tracker.package is None
            or is_installed(tracker.package)
        ):
            continue
        yield tracker_missing(tracker.type_name(), at=f"tracking.{index}" if several else "tracking")
