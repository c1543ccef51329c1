"""An optimizer that cannot do without a library needs it installed."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.spec_parts import get, phases
from declare.rules.spec_view import View
from declare.system.extras import not_installed

CODE = "RES852"
STAGE = "hardware"


def check(view: View) -> Iterator[Problem]:
    """Yield each optimizer whose library is not installed."""
    for phase in phases(view):
        optimizer = get(phase.block, "optimizer")
        if optimizer is None or optimizer.package is None:
            continue
        problem = not_installed(optimizer.package, optimizer.package, at=f"{phase.path}.optimizer")
        if problem is not None:
            yield problem
