"""The learning rate over a phase, as a pure function of the step."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from declare.compiler.phases.lr_schedule import rate as factor
from declare.ir.plan import PhasePlan
from declare.reading.read_component import read_component


def rate(phase: PhasePlan, step: int) -> float:
    """Return the factor of the base learning rates at `step`, warm-up included."""
    return planned_lr(phase)(step)


def planned_lr(phase: PhasePlan) -> Callable[[int], float]:
    """Return the planned course of a phase: step -> factor of the base learning rates.

    A reactive schedule (`plateau`) is planned as it goes without any fall.
    """
    schedule = read_component("schedules", phase.schedule).settled(phase.steps, phase.steps_per_epoch)
    total, warmup = phase.steps, phase.warmup_steps

    def at(step: int) -> float:
        return factor(schedule, step, total, warmup)

    return at


def bases(optimizer: torch.optim.Optimizer) -> list[float]:
    """Return the base learning rate of each group of a fresh optimizer."""
    return [float(group["lr"]) for group in optimizer.param_groups]


def apply(optimizer: torch.optim.Optimizer, base_rates: Sequence[float], value: float) -> None:
    """Set the learning rate of each group to its base rate times `value`, where that changes it."""
    for group, base in zip(optimizer.param_groups, base_rates, strict=True):
        if group["lr"] != base * value:
            group["lr"] = base * value
