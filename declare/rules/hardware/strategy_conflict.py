"""A strategy must fit the number of devices."""

from __future__ import annotations

from collections.abc import Iterator

from declare.contract.problem import Problem, Rewrite
from declare.rules.parts import given
from declare.rules.sharding import conflicts
from declare.rules.view import View

CODE = "HW708"
STAGE = "hardware"


def check(view: View) -> Iterator[Problem]:
    """Yield where one process is asked to use several devices, and what cannot be shared as it is asked."""
    hardware = given(view.spec, "hardware")
    yield from _uneven(view)
    if (plan := view.hardware) is not None:
        processes = plan.processes
        yield from conflicts(plan, processes, view.phases.values(), view.nodes.values())
    if given(hardware, "strategy") != "single":
        return
    for name in ("devices", "nodes"):
        number = given(hardware, name)
        if isinstance(number, int) and number > 1:
            yield Problem(
                CODE,
                f"`strategy: single` trains in one process, but `{name}` is {number}",
                at=f"hardware.{name}",
                label="only one would be used",
                also={"hardware.strategy": "one process is asked for here"},
                helps=(f"use `strategy: auto`, or `{name}: 1`",),
                rewrites=(Rewrite("change to `auto`", "hardware.strategy", "auto", safe=False),),
            )


def _uneven(view: View) -> Iterator[Problem]:
    """Yield each phase whose micro-batches cannot be dealt out among processes without changing bits."""
    plan = view.hardware
    processes = plan and plan.processes
    if plan is None or plan.determinism != "exact" or not processes:
        return
    for phase in view.phases.values():
        if phase.accumulate % processes:
            yield Problem(
                CODE,
                f"`determinism: exact` deals {phase.accumulate} micro-batches out among {processes} processes",
                at=f"phases.{phase.name}.accumulate",
                label="not a multiple of the processes",
                also={"hardware.determinism": "the same bits are asked for here"},
                helps=(f"use `accumulate: {processes}` or a multiple: it counts those of all processes",),
            )
