"""The builder of real runs: makes from a plan, by `lowering`, what a run trains with, over the tables of its data."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from declare.contract import strict_json
from declare.contract.problem import ProblemError
from declare.data.faults.file_stamps import Stamps
from declare.data.faults.quarantine import SkippedSample
from declare.ir.composites import composites
from declare.ir.ema_decay import has_new_statistics
from declare.ir.lr_schedule import LRSchedule
from declare.ir.plan import InitPlan, PhasePlan, Plan
from declare.lowering.data.loader import make_loader
from declare.lowering.data.tables import Tables
from declare.lowering.evaluation.evaluator import Evaluator
from declare.lowering.evaluation.linear_probes import Prober
from declare.lowering.model.graph import make_graph
from declare.lowering.training.ema import EMA
from declare.lowering.training.init_weights import load_init
from declare.lowering.training.objective import Objective
from declare.lowering.training.optimizer import make_optimizer
from declare.nn.distributed.batch_norm import batch_norms, synchronise
from declare.nn.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from declare.runtime.distributed.problem_json import inexact_norm_problem
from declare.runtime.distributed.signal_handler import EvaluationInterruption
from declare.runtime.machine.precision import HALF
from declare.runtime.machine.torch_compile import compile_graph, reset_compiled
from declare.runtime.run_folder.durable_io import write_durably
from declare.runtime.run_folder.event_file import Event
from declare.runtime.run_folder.events import SampleSkipped
from declare.runtime.run_folder.folder import STATISTICS, read_statistics
from declare.runtime.setup.auto import gather_precision, read_choices
from declare.runtime.step.interfaces import Loader
from declare.runtime.step.strategies.fp32_eval import FullPrecisionCopy
from declare.runtime.step.strategies.fsdp import shard
from declare.runtime.step.strategies.select import random_skip_paths, uses_fsdp

Emit = Callable[[Event], object]

_TRIES = 10
"""How often weights of another run are looked for, which deletes some while it trains."""


class PlanBuilder:
    """Builds the parts of a run; the statistics of its transforms are in `place` (None: nowhere)."""

    def __init__(
        self,
        plan: Plan,
        place: Path | None,
        device: torch.device,
        emit: Emit | None = None,
        world: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        self._plan = plan
        self.world = world
        self.device = device
        self._emit = emit
        self._tables = open_tables(plan, place, world)
        self._tables.on_skipped_sample(self._note_skipped)
        self.graph = make_graph(plan)
        half = (
            world.broadcast_from_rank0(lambda: gather_precision(plan, read_choices(place), device))
            if uses_fsdp(plan, world)
            else None
        )
        fp32_copy = FullPrecisionCopy(self.graph, random_skip_paths(plan)) if half else None
        exact = plan.hardware.determinism == "exact"
        if not exact:
            synchronise(self.graph, world)
        elif world.size > 1 and (norms := batch_norms(self.graph)):
            raise ProblemError(inexact_norm_problem(norms[0]))
        if uses_fsdp(plan, world):
            # Before it is moved: no device need hold all of it.
            dtype = HALF[half] if half else None
            shard(self.graph, self.graph.modules_by_path, device, random_skip_paths(plan), dtype)
        self.graph.to(device)
        self._compiled = plan.hardware.compile is True
        if self._compiled:
            compile_graph(self.graph)
        self._eval_graph = fp32_copy.follow(self.graph) if fp32_copy else self.graph
        self._interruption = EvaluationInterruption(world, sharded=uses_fsdp(plan, world))
        self._evaluator = Evaluator(
            plan, self._eval_graph, self._tables, device, world=SINGLE_PROCESS if exact else world
        )
        self._evaluator.interruption = self._interruption

    def loader(self, phase: PhasePlan) -> Loader:
        """Return the batches of a phase."""
        with self.world.local_rank0_first():  # the first one fills the cache
            return make_loader(self._plan, phase, self._tables, self.device, self.world.rank, self.world.size)

    def objective(self, phase: PhasePlan) -> Objective:
        """Return the losses of a phase."""
        if self._compiled:
            reset_compiled()
        return Objective(self._plan, phase, self.graph, self.world).to(self.device)

    def optimizer(self, phase: PhasePlan) -> torch.optim.Optimizer:
        """Return a fresh optimizer over the graph's parameters."""
        return make_optimizer(self._plan, phase, self.graph)

    def ema(self, phase: PhasePlan) -> EMA | None:
        """Return the moving average that the phase asks for."""
        if not phase.ema:
            return None
        is_new = has_new_statistics(self._plan, self._plan.phases.index(phase))
        return EMA(self.graph, **phase.ema, new_statistics=is_new)

    @staticmethod
    def lr_schedule(phase: PhasePlan) -> LRSchedule:
        """Return the factor of the learning rates as a function of the step."""
        return LRSchedule(phase)

    def initialize(self, phase: PhasePlan, resolve: Callable[[InitPlan], Path]) -> list[dict[str, Any]]:
        """Load what the phase's `init` names; return for each entry what was loaded and missing."""
        tries = _TRIES if self.world.size == 1 else 1  # processes of a group must ask equally often
        reports = load_init(self._plan, phase, self.graph, resolve, tries=tries)
        return [report.plain() for report in reports]

    def evaluate_at(self, sizes: Mapping[str, int]) -> None:
        """Show fields of images at these sizes (of the shorter edge) in evaluations and probes from now on."""
        self._tables.evaluation_sizes = dict(sizes)

    def evaluate(self, split: str, tasks: Sequence[str]) -> dict[str, float]:
        """Return the metrics of a split; none if the split has no samples."""
        metrics = self._evaluator.run(split, tasks)
        self.sync_skipped_samples()
        return metrics

    def sync_skipped_samples(self) -> None:
        """Share with every process the samples that any could not read, and report them.

        Raises `ProblemError` (DAT332) in all of them if they are more than a dataset allows.
        """
        self._tables.sync_skipped_samples(self.world)
        self._tables.report()

    def bounds(self, split: str, tasks: Sequence[str]) -> dict[str, float]:
        """Return the metrics of the best prediction there is, of tasks whose data know it."""
        return self._evaluator.bounds(split, tasks)

    def baseline_metrics(self, split: str, tasks: Sequence[str]) -> dict[str, float]:
        """Return the metrics of the tasks' trivial baselines on a split that was evaluated."""
        return self._evaluator.baseline_metrics(split, tasks)

    def probe(self, phase: PhasePlan) -> dict[str, float]:
        """Return the metrics of the phase's probes on the current graph."""
        prober = Prober(self._plan, self._eval_graph, self._tables, self.device, self._interruption)
        return prober.run(phase)

    def _note_skipped(self, dataset: str, sample: SkippedSample) -> None:
        if self._emit is not None:
            self._emit(Event.of(SampleSkipped(dataset, **vars(sample))))

    def composites(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """Return the plan's named composites that `metrics` give a value for."""
        return composites(self._plan.composites, metrics)


def open_tables(plan: Plan, place: Path | None, world: ProcessGroup = SINGLE_PROCESS) -> Tables:
    """Open the data of a plan with the statistics in `place`; fit and store them if there are none."""
    if world.size > 1:

        def fit_on_rank0() -> tuple[dict[str, Any], dict[str, Stamps]]:
            tables = open_tables(plan, place)
            return tables.statistics, tables.stamps()

        statistics, stamps = world.broadcast_from_rank0(fit_on_rank0)
        return Tables(plan, statistics, place if world.is_rank0 else None, stamps)
    path = place / STATISTICS if place else None
    if path is not None and path.is_file():
        return Tables(plan, read_statistics(path, plan), place)
    tables = Tables.fit(plan, place)
    if path is not None:
        write_durably(path, strict_json.dumps(tables.statistics).encode())
    return tables
