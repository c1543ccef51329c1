"""A strategy must fit the number of devices."""

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.rules.queries.strategy_limits import conflicts, uneven_batches
from declare.rules.spec_parts import get
from declare.rules.spec_view import View

CODE = "HW708"
STAGE = "hardware"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem if one process should use several devices, or if a phase cannot be sharded as requested."""
    hardware = get(view.spec, "hardware")
    if (plan := view.hardware) is not None:
        processes = plan.processes
        yield from uneven_batches(plan, processes, view.phases.values())
        yield from conflicts(plan, processes, view.phases.values())
    if get(hardware, "strategy") != "single":
        return
    for name in ("devices", "nodes"):
        number = get(hardware, name)
        if isinstance(number, int) and number > 1:
            yield Problem(
                CODE,
                f"`strategy: single` trains in one process, but `{name}` is {number}",
                at=f"hardware.{name}",
                label="only one would be used",
                also={"hardware.strategy": "one process is requested here"},
                helps=(f"use `strategy: auto`, or `{name}: 1`",),
                rewrites=(Rewrite("change to `auto`", "hardware.strategy", "auto", safe=False),),
            )
