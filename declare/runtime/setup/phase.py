"""Setting one phase up: loader, objective, optimizer, strategy and step, from the builder of a run."""

from collections.abc import Collection
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from declare.compiler.phases.multiscale import untrained_size
from declare.contract.problem import ProblemError
from declare.ir.micro_batches import group_size, num_micro_batches
from declare.ir.plan import PhasePlan, Plan
from declare.nn.balances.balance import Balance
from declare.nn.running_statistics import StatisticsBySize, running_statistics, unshared_norms
from declare.runtime.errors import nothing_trained_problem
from declare.runtime.setup.auto import AutoSettings, Record
from declare.runtime.setup.benchmark import Trial
from declare.runtime.step.freeze import Freezer
from declare.runtime.step.interfaces import Loader, Objective, RunBuilder
from declare.runtime.step.split_batch import split
from declare.runtime.step.step import Step, TrainStep, wrap_step
from declare.runtime.step.step_config import StepConfig
from declare.runtime.step.strategies.select import make_strategy


@dataclass
class PhaseSetup:
    """What a phase trains with: its step, batches and freezing."""

    config: StepConfig
    step: Step
    train_step: TrainStep
    """`step` with what the phase asks for around it."""
    loader: Loader
    freezer: Freezer
    frozen_patterns: list[str]
    """Patterns of parameters that are frozen at the current step."""
    unshared_statistics: list[Tensor]
    """Running statistics that each process gathers from its own rows."""


def trainable(graph: nn.Module) -> list[str]:
    """Return the names of the parameters that the model itself wants trained, before anything is frozen."""
    return [name for name, item in graph.named_parameters() if item.requires_grad]


def assemble(
    plan: Plan,
    builder: RunBuilder,
    phase: PhasePlan,
    *,
    trainable_names: Collection[str],
    auto: tuple[AutoSettings, Record],
    at_step: int = 0,
) -> PhaseSetup:
    """Build what `phase` trains with; what the spec leaves to the machine is chosen by `auto`.

    Raises `ProblemError` (PHS623) if every parameter is frozen for the whole phase.
    """
    loader = builder.loader(phase)
    freezer = Freezer(phase, builder.graph, trainable_names)
    frozen_patterns = freezer.apply(at_step)
    if not freezer.ever_trains:
        raise ProblemError(nothing_trained_problem(phase))
    objective = builder.objective(phase)

    def trial() -> Trial:
        # Of what is in memory at once: a whole batch may not fit.
        batch = next(iter(loader.batches(0, 1)))
        micro_batch = next(split(batch, dict.fromkeys(batch, phase.accumulate), group_size(phase)))
        return Trial(builder.graph, objective, micro_batch, builder.device)

    optimizer = builder.optimizer(phase)
    if objective.balance is not None:
        add_balance_parameters(optimizer, objective.balance)
    settings, record = auto
    statistics = _statistics(phase, builder, objective, at_step)
    config = StepConfig(
        phase=phase,
        graph=builder.graph,
        objective=objective,
        precision=settings.resolve_precision(phase, trial, record),
        optimizer=optimizer,
        lr=builder.lr_schedule(phase),
        ema=builder.ema(phase),
        seed_prefix=(plan.seed, plan.phases.index(phase)),
        strategy=make_strategy(plan, phase, objective, builder.world),
        micro_batches=num_micro_batches(plan, phase, builder.world.size),
        world=builder.world,
        statistics=statistics,
        datasets_by_module=datasets_by_module(plan),
    )
    step = Step(config)
    unshared_tensors = unshared_statistics(config.graph, statistics) if builder.world.size > 1 else []
    return PhaseSetup(
        config, step, wrap_step(step, config), loader, freezer, frozen_patterns, unshared_tensors
    )


def _statistics(
    phase: PhasePlan, builder: RunBuilder, objective: Objective, at_step: int
) -> StatisticsBySize | None:
    """Return running statistics for each size of a phase with scales.

    Raises `ProblemError` (PHS645) if norms would never see the size that they are evaluated at.
    """
    scales = objective.scales
    if scales is None:
        return None
    size = scales.evaluation_size(max(0, at_step - 1))
    statistics = StatisticsBySize(builder.graph, scales.all_sizes, size)
    if len(statistics) and size not in scales.all_sizes:
        at = f"phases.{phase.name}.scales"
        raise ProblemError(
            untrained_size(size, scales.all_sizes, f"{at}.evaluate", {f"{at}.sizes": "the sizes"})
        )
    return statistics


def datasets_by_module(plan: Plan) -> dict[str, tuple[str, ...]]:
    """Return the datasets whose rows each module gets, by its path in the graph."""
    modules: dict[str, tuple[str, ...]] = {}
    for node in plan.nodes:
        if node.per_dataset:
            modules |= {f"{node.path}.{name}": (name,) for name in node.datasets}
        else:
            modules[node.path] = node.datasets
    return modules


def unshared_statistics(graph: nn.Module, statistics: StatisticsBySize | None) -> list[Tensor]:
    """Return the running statistics, of all sizes, of norms that do not share theirs in a forward pass."""
    names = unshared_norms(graph)
    tensors = [item for name in names for item in running_statistics(graph.get_submodule(name)).values()]
    return tensors if statistics is None else tensors + statistics.of(names)


def add_balance_parameters(optimizer: torch.optim.Optimizer, balance: Balance) -> None:
    """Let the phase's optimizer train what a balance learns, without weight decay."""
    parameters = list(balance.parameters())
    if parameters:
        lr = {} if balance.lr is None else {"lr": balance.lr}
        optimizer.add_param_group({"params": parameters, "weight_decay": 0.0, **lr})
