"""Blocks of a phase as they follow from its length, its best metric and its datasets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from declare.contract.problem import Problem, ProblemError
from declare.parsing.read_component import read_component

if TYPE_CHECKING:
    from declare.contract.shapes import Shape
    from declare.ir.plan import PhasePlan, Plan


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
        pass  # reported where the plan is checked
    return blocks


def with_samplers(plan: Plan) -> tuple[PhasePlan, ...]:
    """Return the phases of a plan with the samplers of datasets in which fields or batches have to be chosen."""
    shapes = {
        name: {field: item.shape for field, item in dataset.fields.items()}
        for name, dataset in plan.datasets.items()
    }
    return tuple(
        phase.model_copy(update={"samplers": _dataset_samplers(phase, shapes)}) for phase in plan.phases
    )


def _dataset_samplers(
    phase: PhasePlan, shapes: Mapping[str, Mapping[str, Shape]]
) -> dict[str, dict[str, Any]]:
    """Return the samplers of datasets (name -> field -> shape) that are not the phase's own."""
    blocks: dict[str, dict[str, Any]] = {}
    for name in phase.datasets:
        try:
            sampler = read_component("samplers", phase.sampler).with_fields(shapes.get(name, {}))
        except ProblemError:
            return {}  # reported where the plan is checked
        if not isinstance(sampler, Problem):
            block = sampler.for_batches(phase.rows[name]).dump()
            blocks |= {} if block == phase.sampler else {name: block}
    return blocks
