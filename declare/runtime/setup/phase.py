"""Putting together what one phase trains with, from a workshop's parts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import nn

from declare.compiler.phases.multiscale import untrained_size
from declare.contract.problem import ProblemError
from declare.ir.micro_batches import group_size, pieces
from declare.ir.plan import PhasePlan, Plan
from declare.nn.balances.balance import Balance
from declare.nn.running_statistics import StatisticsBySize
from declare.runtime.errors import nothing_trained
from declare.runtime.setup.auto import AutoSettings, Record
from declare.runtime.setup.benchmark import Trial
from declare.runtime.step.freeze import Freezer
from declare.runtime.step.interfaces import Loader, Objective, TrainingParts
from declare.runtime.step.step import Step, StepConfig, split
from declare.runtime.step.strategies.select import make_strategy


@dataclass
class PhaseSetup:
    """A phase's parts, the step that they make, its batches and its freezing."""

    machinery: StepConfig
    step: Step
    feed: Loader
    freezer: Freezer
    held: list[str]
    """Patterns that are frozen as it stands."""


def trainable(graph: nn.Module) -> list[str]:
    """Return the names of the parameters that the model itself wants trained, before anything is frozen."""
    return [name for name, item in graph.named_parameters() if item.requires_grad]


def assemble(
    plan: Plan,
    workshop: TrainingParts,
    phase: PhasePlan,
    *,
    wanted: Collection[str],
    settle: tuple[AutoSettings, Record],
    at_step: int = 0,
) -> PhaseSetup:
    """Build what `phase` trains with and settle what the spec left to the machine.

    Raises `ProblemError` (PHS623) where every parameter is frozen for the whole phase.
    """
    feed = workshop.feed(phase)
    freezer = Freezer(phase, workshop.graph, wanted)
    held = freezer.apply(at_step)
    if not freezer.ever_trains:
        raise ProblemError(nothing_trained(phase))
    objective = workshop.objective(phase)

    def trial() -> Trial:
        # Of what stands in memory at once: a whole batch may not fit.
        batch = next(iter(feed.batches(0, 1)))
        piece = next(split(batch, dict.fromkeys(batch, phase.accumulate), group_size(phase)))
        return Trial(workshop.graph, objective, piece, workshop.device)

    optimizer = workshop.optimizer(phase)
    if objective.balance is not None:
        join(optimizer, objective.balance)
    choices, record = settle
    statistics = _statistics(phase, workshop, objective, at_step)
    machinery = StepConfig(
        phase=phase,
        graph=workshop.graph,
        objective=objective,
        precision=choices.settle(phase, trial, record),
        optimizer=optimizer,
        rate=workshop.rate(phase),
        average=workshop.average(phase),
        seeds=(plan.seed, plan.phases.index(phase)),
        strategy=make_strategy(plan, phase, objective, workshop.world),
        pieces=pieces(plan, phase, workshop.world.size),
        world=workshop.world,
        statistics=statistics,
    )
    return PhaseSetup(machinery, Step(machinery), feed, freezer, held)


def _statistics(
    phase: PhasePlan, workshop: TrainingParts, objective: Objective, at_step: int
) -> StatisticsBySize | None:
    """Return running statistics for each size of a phase with scales.

    Raises `ProblemError` (PHS645) where norms would never see the size that they are evaluated at.
    """
    scales = objective.scales
    if scales is None:
        return None
    size = scales.evaluated(max(0, at_step - 1))
    found = StatisticsBySize(workshop.graph, scales.all_sizes, size)
    if len(found) and size not in scales.all_sizes:
        at = f"phases.{phase.name}.scales"
        raise ProblemError(
            untrained_size(size, scales.all_sizes, f"{at}.evaluate", {f"{at}.sizes": "the sizes"})
        )
    return found


def join(optimizer: torch.optim.Optimizer, balance: Balance) -> None:
    """Let the phase's optimizer train what a balance learns, without weight decay."""
    learned = list(balance.parameters())
    if learned:
        rate = {} if balance.lr is None else {"lr": balance.lr}
        optimizer.add_param_group({"params": learned, "weight_decay": 0.0, **rate})
