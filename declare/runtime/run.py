"""A run from start to end: its folder, its lock, the loop, the final metrics, and what became of it."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from declare.contract import strict_json
from declare.contract.problem import Problem, ProblemError
from declare.ir.plan import Plan
from declare.nn.distributed.process_group import ProcessGroup
from declare.runtime.checkpoint.manager import CheckpointManager
from declare.runtime.checkpoint.saver import CheckpointSaver
from declare.runtime.checkpoint.state_tree import Tree
from declare.runtime.distributed.exit_codes import DONE, FAILED, LOST, MISSED, STOPPED
from declare.runtime.distributed.launch import write_outcome, write_peer_loss, write_run_folder
from declare.runtime.distributed.problem_json import (
    problems_from_json,
    problems_to_json,
    process_lost_problem,
)
from declare.runtime.distributed.process_group import join
from declare.runtime.distributed.signal_forwarding import watch_stop_requests
from declare.runtime.distributed.signal_handler import StopFlag, StopRequestedError
from declare.runtime.errors import first_line, problem_outside_step
from declare.runtime.listeners.early_stop import EarlyStop
from declare.runtime.listeners.event_writer import EventWriter
from declare.runtime.listeners.folder_watch import FolderWatch
from declare.runtime.listeners.listener import EventBus, Listener
from declare.runtime.listeners.metrics import Metrics
from declare.runtime.listeners.trackers import Trackers
from declare.runtime.loop import Loop, StoppedError
from declare.runtime.machine.device import choose_device
from declare.runtime.machine.environment import configure_torch, facts
from declare.runtime.machine.memory_budget import require_memory
from declare.runtime.machine.precision import is_slow
from declare.runtime.resume.plan_change import Revision, adopt_plan, check_changes, is_other_run
from declare.runtime.resume.plan_diff import Change
from declare.runtime.resume.resume import (
    RefusedError,
    fit_state,
    machine_changes,
    newest_state,
    run_to_resume,
    saved_progress,
)
from declare.runtime.resume.same_plan import require_one_plan
from declare.runtime.run_folder import events
from declare.runtime.run_folder import folder as folders
from declare.runtime.run_folder.durable_io import os_error_problem, translate_os_errors, write_durably
from declare.runtime.run_folder.event_file import Event
from declare.runtime.run_folder.events import EventBody
from declare.runtime.run_folder.expectations import missed_bounds
from declare.runtime.run_folder.folder import FINAL, Run
from declare.runtime.run_folder.lock import RunLock
from declare.runtime.run_folder.progress import TrainProgress
from declare.runtime.run_folder.trivial_baseline import baseline_findings, metrics_below_baseline, with_prefix
from declare.runtime.setup.auto import AutoSettings
from declare.runtime.step.interfaces import RunBuilder
from declare.runtime.step.strategies.select import uses_fsdp
from declare.system.user_cache import on_damage


@dataclass(frozen=True)
class Outcome:
    """What became of a run: `status` is the exit status.

    0 done, 1 expect missed, 4 failed, 75 stopped, 76 another process of its group has gone.
    """

    folder: Path
    metrics: dict[str, float]
    status: int
    problems: tuple[Problem, ...] = field(default=())


def train(
    plan: Plan,
    spec_text: str,
    folder: Path | None = None,
    *,
    resume: bool | Literal["changed"] = False,
    listeners: Sequence[Listener] = (),
    sources: Mapping[str, str] | None = None,
) -> Outcome:
    """Train a plan in a new run folder, or continue the one in `folder` (the newest of this name without it).

    A run whose plan has changed continues if no weight depends on the change, or if `resume` is "changed".

    Raises `ProblemError` for what keeps the run from starting (RES803, RES805, RES806, RES808, RES811);
    what goes wrong once it runs is in the outcome's `problems`, with the state before it intact.
    """
    world = join(plan.hardware)
    with ExitStack() as stack:
        stack.callback(world.close)
        require_one_plan(plan, world)

        def open_folder() -> tuple[Path, Outcome | None, Sequence[Change]]:
            place = (
                run_to_resume(plan, folder) if resume else folders.create(plan, spec_text, folder, sources)
            )
            with translate_os_errors(place):
                stack.enter_context(RunLock(place))
            return place, *(_continue(plan, place, allow=resume == "changed") if resume else (None, ()))

        place, outcome, changes = world.broadcast_from_rank0(open_folder)
        flag = None
        if outcome is None:
            write_run_folder(place)
            flag = stack.enter_context(StopFlag())
            stack.enter_context(watch_stop_requests())
            outcome = _Session(plan, place, flag, listeners, world, Revision(spec_text, changes)).run(
                resume=bool(resume)
            )
        interrupted = flag is not None and flag.interrupted
        world.clean_exit = outcome.status in {DONE, MISSED, STOPPED} and not interrupted
        if outcome.status != LOST:
            write_outcome(world.rank, outcome.status, outcome.problems)
        return outcome


def make_builder(
    plan: Plan, place: Path, device: torch.device, emit: Callable[[Event], object], world: ProcessGroup
) -> RunBuilder:
    """Return the builder of a real run; tests replace this function."""
    from declare.runtime.setup.builder import PlanBuilder

    return PlanBuilder(plan, place, device, emit, world)


def _continue(plan: Plan, place: Path, *, allow: bool) -> tuple[Outcome | None, Sequence[Change]]:
    """Check that the run in `place` may continue with `plan`; return its result if finished, and the changes."""
    run = Run(place)
    changes = check_changes(run, plan, allow=allow)
    if is_other_run(changes) or not run.has_finished:
        return None, changes
    run.weights_path()  # what the run was for: if it has gone, nothing is done
    adopt_plan(place, plan, Revision("", changes))
    problems = missed_bounds(plan.expect, run.final)
    status = MISSED if problems else DONE
    return Outcome(place, run.final, status, (*problems, *baseline_findings(plan, run.final))), changes


class _Session:
    """One process's work on a run whose lock it holds."""

    def __init__(
        self,
        plan: Plan,
        place: Path,
        flag: StopFlag,
        listeners: Sequence[Listener],
        world: ProcessGroup,
        revision: Revision,
    ) -> None:
        self._world = world
        self._revision = revision
        self._plan = plan
        self._place = place
        self._flag = flag
        self._extra_listeners = listeners
        self._progress = TrainProgress()

    def run(self, *, resume: bool) -> Outcome:
        """Train, evaluate and judge; every way out leaves an event behind."""
        others = [listener for listener in self._extra_listeners if listener.everywhere]
        self._bus = EventBus(self._listeners() if self._world.is_rank0 else others)
        if resume:
            self._progress = saved_progress(self._place)
        try:
            with on_damage(lambda path: self._emit(events.CacheRebuilt(path=str(path)))):
                return self._finish_run(self._train_and_evaluate(resume=resume))
        except (StoppedError, StopRequestedError) as error:
            if isinstance(error, StopRequestedError):  # there was nothing to save
                self._emit(events.RunStopped(reason=self._flag.reason))
            return Outcome(self._place, {}, STOPPED)
        except ProblemError as error:
            if not isinstance(error, RefusedError):
                return self._outcome_of_failure(error, error.problems)
            self._emit(events.RunRefused(code=error.problem.code, message=error.problem.title))
            raise
        except Exception as error:  # noqa: BLE001 - a bug is raised again
            return self._outcome_of_bug(error)
        finally:
            with suppress(OSError):  # a full disk was reported already
                self._bus.close()

    def _listeners(self) -> Sequence[Listener]:
        with translate_os_errors(self._place):
            return (
                FolderWatch(self._plan, self._place, self._forward_event),
                EventWriter(self._place),
                Metrics(self._place),
                Trackers(self._plan, self._place),
                EarlyStop(self._plan),
                *self._extra_listeners,
            )

    def _train_and_evaluate(self, *, resume: bool) -> dict[str, float]:
        with self._flag.interruptible():
            checkpoints, builder, loop, tree = self._set_up(resume=resume)
        loop.run(tree)
        with self._flag.interruptible(single_process=self._world.size == 1):
            return self._final_metrics(builder, checkpoints, loop.progress)

    def _set_up(self, *, resume: bool) -> tuple[CheckpointManager, RunBuilder, Loop, Tree | None]:
        """Open the data, build the model, find the state to resume; the run may be stopped at any point."""
        plan, world = self._plan, self._world
        device = choose_device(plan.hardware, world.local_rank if world.size > 1 else None)
        require_memory(plan, device)
        configure_torch(plan.hardware, device)
        origin = {"plan_sha256": plan.sha256, "world_size": world.size, "device": device.type} | facts()
        origin["compile"] = str(plan.hardware.compile)
        checkpoints = CheckpointManager(
            lambda: CheckpointSaver(self._place, origin), world, sharded=uses_fsdp(plan, world)
        )
        tree = newest_state(checkpoints, self._note_rejected) if resume else None
        run_facts = {"name": plan.name, "folder": str(self._place), "device": str(device)}
        self._emit(events.RunStarted(resumed=tree is not None, processes=world.size, **run_facts, **facts()))
        if plan.hardware.processes not in {None, world.size}:
            reason = f"the spec asks for {plan.hardware.processes}, but the launcher of this run decided"
            self._emit(events.Choice(name="processes", value=world.size, reason=reason))
        for phase in plan.phases:
            if is_slow(phase.precision, device):
                self._emit(events.PrecisionSlow(name=phase.name, precision=phase.precision))
        torch.manual_seed(plan.seed)
        builder = make_builder(plan, self._place, device, self._bus.emit, world)
        tree = self._adopt_plan(builder, tree, origin)
        auto = AutoSettings(plan, self._place if world.is_rank0 else None, device, world)
        loop = Loop(plan, builder, self._bus, checkpoints, auto, self._flag)
        self._progress = loop.progress
        checkpoints.require_space(builder.graph, plan)
        return checkpoints, builder, loop, tree

    def _adopt_plan(self, builder: RunBuilder, tree: Tree | None, origin: dict[str, Any]) -> Tree | None:
        """Report what has changed; make the plan the run's own once its saved state is known to fit."""
        if tree is not None:
            tree = fit_state(tree, builder.graph, self._plan)
            for name, old, new in machine_changes(tree, origin):
                self._emit(events.MachineChanged(name=name, old=old, new=new))
        for change in self._revision.changes:
            self._emit(events.PlanChanged(**change.record()))
        if self._revision.changes and self._world.is_rank0:
            adopt_plan(self._place, self._plan, self._revision)
        return tree

    def _final_metrics(
        self, builder: RunBuilder, checkpoints: CheckpointManager, progress: TrainProgress
    ) -> dict[str, float]:
        """Evaluate the weights that the last phase stands for, on validation and test data."""
        builder.evaluate_at(
            checkpoints.load_phase_weights(builder.graph, progress, self._plan.phases[-1].name)
        )
        builder.graph.eval()
        trained_tasks = {task for phase in self._plan.phases for task in phase.tasks}
        tasks = tuple(name for name in self._plan.tasks if name in trained_tasks)
        metrics: dict[str, float] = {}
        bounds: dict[str, float] = {}
        trivial: dict[str, float] = {}
        for split in ("val", "test"):
            metrics |= builder.evaluate(split, tasks)
            bounds |= builder.bounds(split, tasks)
            trivial |= builder.baseline_metrics(split, tasks)
        for probe_metrics in progress.probes.values():
            metrics |= probe_metrics
        if bounds:
            self._emit(events.Oracle(metrics=bounds))
        metrics |= builder.composites(metrics)
        metrics |= with_prefix(trivial | dict(builder.composites(trivial)))
        return self._world.broadcast_from_rank0(lambda: metrics)

    def _finish_run(self, metrics: dict[str, float]) -> Outcome:
        def write_metrics() -> None:
            with translate_os_errors(self._place):
                write_durably(self._place / FINAL, strict_json.dumps(metrics, indent=1).encode())

        self._world.broadcast_from_rank0(write_metrics)
        problems = missed_bounds(self._plan.expect, metrics)
        for item in metrics_below_baseline(self._plan, metrics):
            self._emit(events.NoBetterThanTrivial(metric=item.metric, value=item.value, trivial=item.trivial))
        for problem in problems:
            name = problem.at.removeprefix("expect.")
            self._emit(
                events.ExpectMissed(metric=name, value=metrics.get(name), bound=self._plan.expect[name])
            )
        status = MISSED if problems else DONE
        earlier = self._plan.trained_earlier
        self._emit(events.RunFinished(metrics=metrics, status=status, trained_earlier=earlier))
        return Outcome(self._place, metrics, status, (*problems, *baseline_findings(self._plan, metrics)))

    def _outcome_of_bug(self, error: Exception) -> Outcome:
        """Return the result for an error that is not a problem; raises it if it is a bug of ours."""
        if self._world.is_peer_failure(error):
            return self._outcome_of_lost_peer(error)
        problem = problem_outside_step(error)
        if problem is None and isinstance(error, OSError):
            problem = os_error_problem(error, self._place)
        if problem is None:
            self._note_failure(error)
            raise error
        return self._outcome_of_failure(error, (problem,))

    def _outcome_of_failure(self, error: Exception, problems: tuple[Problem, ...]) -> Outcome:
        self._world.note_failure(problems_to_json(problems))
        self._note_failure(error, problems[0])
        return Outcome(self._place, {}, FAILED, problems)

    def _outcome_of_lost_peer(self, error: Exception) -> Outcome:
        """End after another process has, with its message if it sent one."""
        if (
            self._flag.raised
        ):  # both were asked to stop, and the other one was at something that could be left
            self._flag.interrupted = True
            self._emit(events.RunStopped(reason=self._flag.reason))
            return Outcome(self._place, {}, STOPPED)
        word = self._world.peer_failure()
        if word is None:
            write_peer_loss(self._world.rank, first_line(error))
            self._emit(events.ProcessLost(message=first_line(error)))
            return Outcome(self._place, {}, LOST, (process_lost_problem(),))
        problems = problems_from_json(word)
        self._note_failure(error, problems[0])
        return Outcome(self._place, {}, FAILED, problems)

    def _note_failure(self, error: Exception, problem: Problem | None = None) -> None:
        code, message, notes = "", str(error), list[str]()
        if problem is not None:
            code, message, notes = problem.code, problem.title, list(problem.notes)
        lines = "".join(traceback.format_exception(error))
        with suppress(OSError):  # the event file may be on the very disk that is full
            try:
                self._emit(events.RunFailed(code=code, message=message, notes=notes, traceback=lines))
            except OSError:
                self._emit(events.RunFailed(code=code, message=message, notes=notes, traceback=""))

    def _note_rejected(self, path: Path, reason: str) -> None:
        self._emit(events.CheckpointRejected(path=str(path), reason=reason))

    def _forward_event(self, event: Event) -> None:
        self._bus.emit(event)

    def _emit(self, body: EventBody) -> None:
        progress = self._progress
        self._bus.emit(Event.of(body, progress.phase or None, progress.step, progress.total))
