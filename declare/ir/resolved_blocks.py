"""Blocks of a phase with durations in steps, and with the metric that a schedule follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from declare.contract.problem import ProblemError
from declare.reading.read_component import read_component

if TYPE_CHECKING:
    from declare.ir.plan import PhasePlan


def resolved_blocks(phase: PhasePlan) -> dict[str, dict[str, Any]]:
    """Return schedule, sampler and balance of a phase, resolved; one that cannot be read is left out.

    Resolving a resolved block changes nothing, so plans of earlier versions become those of this one.
    """
    length = (phase.steps, phase.steps_per_epoch)
    blocks: dict[str, dict[str, Any]] = {}
    if phase.ema:
        blocks["ema"] = {"warmup": True} | phase.ema  # averages of earlier plans always warmed up
    try:
        schedule = read_component("schedules", phase.schedule).resolve(*length)
        if phase.best is not None:
            schedule = schedule.follow(phase.best.metric, phase.best.mode)
        blocks["schedule"] = schedule.dump()
        blocks["sampler"] = read_component("samplers", phase.sampler).resolve(*length).dump()
        blocks["balance"] = read_component("balances", phase.balance).resolve(*length).dump()
    except ProblemError:
        pass  # said where the plan is checked
    return blocks
