"""What the step of a phase is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from declare.ir.lr_schedule import LRSchedule
from declare.ir.plan import PhasePlan
from declare.nn.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from declare.nn.running_statistics import StatisticsBySize
from declare.runtime.machine.precision import Precision
from declare.runtime.step.interfaces import EMA, Objective
from declare.runtime.step.strategies.strategy import Strategy


@dataclass
class StepConfig:
    """What a phase trains with."""

    phase: PhasePlan
    graph: nn.Module
    objective: Objective
    optimizer: torch.optim.Optimizer
    lr: LRSchedule
    ema: EMA | None
    precision: Precision
    seed_prefix: tuple[int, ...]
    """Seed of the run and index of the phase: the first half of every key."""
    strategy: Strategy
    micro_batches: int = 1
    """Micro-batches that this process makes of its part of a batch."""
    world: ProcessGroup = SINGLE_PROCESS
    statistics: StatisticsBySize | None = None
    """Running statistics of norms for each size, if the phase has scales."""
    datasets_by_module: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The datasets whose rows a module of the graph gets, by its path."""
