"""The loop: every phase and every task is trained here, from the first step to the last.

A *boundary* is a step after which something is due: losses are read, the model is evaluated, state is saved,
parameters are frozen or unfrozen. Between boundaries nothing but batches and updates happens. Everything that must
survive a kill is a part of one state tree; the position is the step alone.
"""

import time
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from itertools import islice
from typing import Any

from declare.contract.problem import ProblemError
from declare.ir.plan import PhasePlan, Plan
from declare.lowering.training.loss_balancing import weighted_tasks
from declare.runtime.checkpoint.manager import CheckpointManager
from declare.runtime.checkpoint.state_tree import Randomness, StateTree, Tree
from declare.runtime.distributed.signal_handler import StopFlag, StopRequestedError
from declare.runtime.errors import (
    batch_failed_problem,
    is_batch_error,
    no_scale_problem,
    nothing_best_problem,
    nothing_trained_problem,
    too_many_skipped_problem,
)
from declare.runtime.inference.evaluation_size import initial_sizes, update_evaluation_size
from declare.runtime.listeners.listener import EventBus, Request
from declare.runtime.phase_state import PhaseState, make_phase_state
from declare.runtime.resume.resume import restore_phase
from declare.runtime.run_folder import events
from declare.runtime.run_folder.event_file import Event
from declare.runtime.run_folder.events import EventBody
from declare.runtime.run_folder.manifest import SavedCheckpoint
from declare.runtime.run_folder.progress import TrainProgress
from declare.runtime.setup.auto import AutoSettings
from declare.runtime.setup.phase import trainable
from declare.runtime.step.interfaces import Batch, RunBuilder, close_batches
from declare.runtime.step.skipping import BatchFailedError, UnskippableBatchError
from declare.runtime.step.split_batch import count_rows

_TICK_SECONDS = 0.25
_STOP_CHECK_SECONDS = 0.25


class StoppedError(Exception):
    """The run was asked to stop and has saved its state."""


class Loop:
    """Runs the phases of a plan: emits events to `bus`, saves through `checkpoints`, stops if `flag` asks for it.

    Of several processes each runs the same loop: what depends on one of them (signals, clocks, listeners) is
    decided together, so that all go the same way.
    """

    def __init__(
        self,
        plan: Plan,
        builder: RunBuilder,
        bus: EventBus,
        checkpoints: CheckpointManager,
        auto: AutoSettings,
        flag: StopFlag,
    ) -> None:
        self._plan = plan
        self._builder = builder
        self._world = builder.world
        self._graph = builder.graph
        self._bus = bus
        self._checkpoints = checkpoints
        self._auto = (auto, self._emit_choice)
        self._flag = flag
        self._trainable = trainable(self._graph)
        self._stop_check_every = 1
        self._phase = plan.phases[0]
        self.progress = TrainProgress()
        self._rng = Randomness(plan.seed, self._world)
        self._tree = StateTree()
        self._tree["course"] = self.progress
        self._tree["listeners"] = bus
        self._tree["choices"] = auto
        self._tree["randomness"] = self._rng

    def run(self, tree: Tree | None = None) -> None:
        """Train every phase from a saved state `tree`, or from the start.

        Raises `StoppedError` when a stop was asked for and the state is saved, `StopRequestedError` if that was so
        between two phases and there is nothing to save, `ProblemError` when training fails.
        """
        if tree is not None:
            self._tree.restore(tree)
        try:
            self._run_phases(tree)
        finally:
            self._checkpoints.close()

    def _run_phases(self, tree: Tree | None) -> None:
        progress = self.progress
        for index, phase in enumerate(self._plan.phases):
            self._phase = phase
            if index > progress.index or (index == progress.index and not progress.finished):
                is_resumed = tree is not None and phase.name == progress.phase
                with self._flag.interruptible():
                    state = self._start_phase(index, phase, tree if is_resumed else None)
                self._train(state)
                self._finish_phase(phase)
            elif index == progress.index:
                self._require_trained(phase)
            self._run_probes(phase)

    def _start_phase(self, index: int, phase: PhasePlan, tree: Tree | None) -> PhaseState:
        """Make what the phase trains with: from `tree` if the run continues inside this phase, else fresh."""
        init_reports = []
        if tree is None:
            init_reports = self._load_initial_weights(index, phase)
            self.progress.enter(index, phase.name)
        phase_event = events.PhaseStarted if tree is None else events.PhaseResumed
        self._emit(phase_event(steps=phase.steps, tasks=list(phase.tasks)))
        for report in init_reports:
            self._emit(events.InitReport(**report))
        state = make_phase_state(
            self._plan,
            phase,
            self._builder,
            at_step=self.progress.step,
            trainable=self._trainable,
            auto=self._auto,
        )
        if tree is not None:
            state_tree = self._tree.with_parts(**state.stateful())
            restore_phase(state_tree, tree, self._graph, state.setup.config.optimizer)
            # Restoring leaves the plan's base rates in the optimizer.
            state.setup.step.lr.apply(max(self.progress.step - 1, 0))
        self._update_evaluation_size(state)
        return state

    def _load_initial_weights(self, index: int, phase: PhasePlan) -> list[dict[str, Any]]:
        """Load the weights that the phase before stands for, then those that the phase's `init` names."""
        if index > 0:
            before = self._plan.phases[index - 1].name
            sizes = self._checkpoints.load_phase_weights(self._graph, self.progress, before)
            self.progress.evaluated_at = initial_sizes(self._plan, phase, sizes)
        return self._builder.initialize(phase, partial(self._checkpoints.resolve, self.progress))

    def _train(self, state: PhaseState) -> None:
        """Go from boundary to boundary until the phase is over."""
        batches = state.setup.loader.batches(self.progress.step, state.phase.steps)
        state.losses.restart_clock()
        with close_batches(batches):
            if self.progress.evaluation_due:
                self._evaluate_and_save(state)
            while not self.progress.finished:
                self._train_until_boundary(state, batches)
                self._evaluate_and_save(state)

    def _train_until_boundary(self, state: PhaseState, batches: Iterator[Batch]) -> None:
        progress = self.progress
        try:
            self._make_steps(state, batches, self._next_boundary(state, progress.step))
        except UnskippableBatchError as error:
            raise ProblemError(
                batch_failed_problem(state.phase, progress.step, error.cause, state.memory)
            ) from error
        except Exception as error:
            if self._world.is_peer_failure(error) or not is_batch_error(error):
                raise
            raise ProblemError(
                batch_failed_problem(state.phase, progress.step, error, state.memory)
            ) from error

    def _make_steps(self, state: PhaseState, batches: Iterator[Batch], until: int) -> None:
        """Make the steps up to `until`, fewer if the run is asked to stop."""
        progress, losses, train_step, flag = self.progress, state.losses, state.setup.train_step, self._flag
        heartbeat, clock = self._world.heartbeat, time.perf_counter
        is_single = self._world.size == 1
        before = clock()
        tick = before + _TICK_SECONDS if self._bus.wants_ticks else float("inf")
        for batch in islice(batches, until - progress.step):
            now = clock()
            losses.data_seconds += now - before
            losses.samples += count_rows(batch)
            try:
                loss, terms = train_step(progress.step, batch)
            except BatchFailedError as error:
                self._skip(state, error)
            else:
                losses.add(progress.step, loss, terms)
                progress.updates += 1
            progress.step += 1
            progress.total += 1
            if heartbeat is not None:
                heartbeat(progress.total)
            if flag.raised if is_single else self._stop_requested():
                break
            before = clock()
            if before > tick:
                self._emit(events.Tick())
                tick = before + _TICK_SECONDS

    def _stop_requested(self) -> bool:
        """Return whether some process is asked to stop; they talk about it a few times a second."""
        return self.progress.step % self._stop_check_every == 0 and self._world.any(self._flag.raised)

    def _skip(self, state: PhaseState, error: BatchFailedError) -> None:
        """Leave a batch out, if the spec allows one more."""
        progress, reason = self.progress, str(error)
        progress.skipped += 1
        descriptions = self._world.all_gather_object(list(state.setup.loader.describe_samples(progress.step)))
        lines_of_ranks = [line for lines in descriptions for line in lines]
        self._emit(events.BatchSkipped(reason=reason, skipped=progress.skipped, about=lines_of_ranks))
        if progress.skipped > state.phase.on_batch_error["limit"]:
            raise ProblemError(too_many_skipped_problem(state.phase, progress.skipped, reason)) from error

    def _next_boundary(self, state: PhaseState, step: int) -> int:
        """Return the next step after `step` at which something is due: a pure function of the step."""
        by_listeners = self._world.broadcast_from_rank0(lambda: self._bus.next_step(step))
        return min(state.next_due(step), state.phase.steps if by_listeners is None else by_listeners)

    def _evaluate_and_save(self, state: PhaseState) -> None:
        """Read losses, evaluate, decide, save: in this order a saved state needs nothing done again."""
        progress, phase = self.progress, state.phase
        self._report_saved(self._checkpoints.collect())
        if state.setup.unshared_statistics:
            # They are linear in what is seen, so that it does not matter when they are averaged.
            self._world.all_reduce_mean(state.setup.unshared_statistics)
        self._update_evaluation_size(state)
        at_end = progress.step >= phase.steps
        stopping = self._world.any(self._flag.raised)
        # Stopped between two boundaries: the unread losses travel with the state, as if nothing had happened.
        between_boundaries = stopping and progress.step != self._next_boundary(state, progress.step - 1)
        requests: set[Request] = set()
        if len(state.losses) and not between_boundaries:
            self._report_losses(state)
        if at_end or (self._is_due(phase.evaluate_every) and not between_boundaries):
            requests = self._evaluate_unless_stopped(state)
            stopping = stopping or progress.evaluation_due
            at_end = at_end and not progress.evaluation_due
        requests |= self._emit(events.Boundary())
        requests = self._world.broadcast_from_rank0(lambda: requests)
        if Request.STOP_RUN in requests:
            self._flag.request_stop("a listener asked for it")
            stopping = True
        progress.finished = at_end or Request.STOP_PHASE in requests
        if progress.finished and not at_end:
            self._emit(events.EarlyStopped(metric=phase.early_stop.metric if phase.early_stop else ""))
        if progress.finished or stopping or Request.SAVE in requests or self._is_due(phase.checkpoint_every):
            self._save(state, wait=progress.finished or stopping)
        if stopping:
            reason = self._flag.reason or "another process was asked to stop"
            self._emit(events.RunStopped(reason=reason))
            raise StoppedError(reason)
        self._resume_training(state)

    def _report_losses(self, state: PhaseState) -> None:
        """Read the losses of the last steps, and the speed if it was measured."""
        report = state.losses.read()
        self._subtract_skipped_updates(state)
        self._builder.sync_skipped_samples()
        check_every = max(1, int(_STOP_CHECK_SECONDS / report["step_seconds"]))
        (self._stop_check_every,) = self._world.all_reduce_min(check_every)
        lr, balance = state.setup.step.lr, state.setup.config.objective.balance
        self._emit(events.Step(rate=lr.current, group_rates=lr.by_group, epoch=self._epoch, **report))
        if balance is not None:
            for number, stats in balance.pop_gradient_stats(weighted_tasks(state.phase)):
                self._emit(events.Gradients(at=number, epoch=self._epoch, **stats))
        throughput = state.meter.at(self.progress.step, report)
        if throughput is not None:
            self._emit(events.Throughput(**throughput))

    def _subtract_skipped_updates(self, state: PhaseState) -> None:
        """Take back the updates that a gradient scaler left out since the last reading."""
        scaler = state.setup.config.precision.scaler
        if scaler is None:
            return
        try:
            self.progress.updates -= scaler.num_skipped()
        except FloatingPointError as error:
            raise ProblemError(no_scale_problem(state.phase, self.progress.step)) from error

    def _resume_training(self, state: PhaseState) -> None:
        """Put the graph back into the state that training at this step means."""
        setup = state.setup
        frozen_patterns = setup.freezer.apply(self.progress.step)
        if frozen_patterns != setup.frozen_patterns:
            self._emit(events.Frozen(patterns=frozen_patterns))
            setup.config.strategy.rewrap()
            setup.frozen_patterns = frozen_patterns
        state.losses.restart_clock()

    def _is_due(self, interval: int) -> bool:
        return interval > 0 and self.progress.step % interval == 0

    def _evaluate_unless_stopped(self, state: PhaseState) -> set[Request]:
        """Evaluate; on a request to stop, leave it to the resumed run."""
        rng_state = self._rng.snapshot()
        try:
            requests, self.progress.evaluation_due = self._evaluate(state), False
        except StopRequestedError:
            self._rng.restore(rng_state)
            requests, self.progress.evaluation_due = set(), True
        return requests

    def _evaluate(self, state: PhaseState) -> set[Request]:
        """Evaluate with the averaged weights if there are some; remember what is best so far."""
        phase, progress = state.phase, self.progress
        start = time.perf_counter()
        self._graph.eval()
        metrics = self._val_metrics(state)
        state.setup.config.lr.observe(metrics)
        seconds = time.perf_counter() - start
        self._report_baseline(state)
        requests = self._emit(
            events.Evaluated(split="val", epoch=self._epoch, metrics=metrics, seconds=seconds)
        )
        if phase.best is not None and progress.improves(phase.best, metrics):
            best = progress.best[phase.name]
            self._emit(events.BestImproved(metric=best.metric, value=best.value))
            requests.add(Request.SAVE)
        return requests

    def _update_evaluation_size(self, state: PhaseState) -> None:
        """Evaluate at the size whose norm statistics the model holds."""
        config = state.setup.config
        change = update_evaluation_size(self.progress, config.objective.scales, config.statistics)
        if change is not None:
            config.lr.restart()
            self._emit(events.EvaluationSize(**change))
        self._builder.evaluate_at(self.progress.evaluated_at)

    def _val_metrics(self, state: PhaseState) -> dict[str, float]:
        ema = state.setup.config.ema
        interruptible = self._flag.interruptible(single_process=self._world.size == 1)
        with nullcontext() if ema is None else ema.average_parameters(), interruptible:
            metrics = dict(self._builder.evaluate("val", tuple(state.phase.tasks)))
        return self._world.broadcast_from_rank0(lambda: metrics)

    def _report_baseline(self, state: PhaseState) -> None:
        """Emit what trivial baselines reach, once in a phase."""
        if not state.is_baseline_reported:
            state.is_baseline_reported = True
            metrics = dict(self._builder.baseline_metrics("val", tuple(state.phase.tasks)))
            if metrics:
                self._emit(events.Trivial(split="val", metrics=metrics))

    @property
    def _epoch(self) -> float:
        return round(self.progress.step / self._phase.steps_per_epoch, 4)

    def _save(self, state: PhaseState, *, wait: bool) -> None:
        """Save the whole state; without `wait` it may become durable after this."""
        progress = self.progress
        if progress.finished:
            progress.ends[state.phase.name] = progress.total
        tree, ema = self._tree.with_parts(**state.stateful()), state.setup.config.ema
        self._report_saved(self._checkpoints.save(progress, tree, self._graph, ema, state.phase, wait=wait))

    def _report_saved(self, checkpoints: list[SavedCheckpoint]) -> None:
        """Report states as saved, each where it was taken: only now that nothing can take them away."""
        for checkpoint in checkpoints:
            body = events.CheckpointSaved(checkpoint=checkpoint.path.name, sequence=checkpoint.sequence)
            self._bus.emit(Event.of(body, checkpoint.phase, checkpoint.phase_step, checkpoint.step))

    def _finish_phase(self, phase: PhasePlan) -> None:
        self._require_trained(phase)
        self._emit(events.PhaseFinished(updates=self.progress.updates, skipped=self.progress.skipped))

    def _require_trained(self, phase: PhasePlan) -> None:
        """Raise if a phase has ended without an update or without its best weights, in resumed runs too."""
        if self.progress.updates == 0:
            raise ProblemError(nothing_trained_problem(phase))
        if phase.best is not None and phase.name not in self.progress.best:
            raise ProblemError(nothing_best_problem(phase, phase.best))

    def _run_probes(self, phase: PhasePlan) -> None:
        """Probe the weights that a finished phase stands for, unless that was done before the run was stopped."""
        if not phase.probes or phase.name in self.progress.probes:
            return
        with self._flag.interruptible(single_process=self._world.size == 1):
            self._builder.evaluate_at(
                self._checkpoints.load_phase_weights(self._graph, self.progress, phase.name)
            )
            metrics = dict(self._builder.probe(phase))
        metrics = self._world.broadcast_from_rank0(lambda: metrics)
        self.progress.probes[phase.name] = metrics
        self._emit(events.Probed(epoch=self._epoch, metrics=metrics))

    def _emit_choice(self, name: str, value: Any, reason: str) -> None:
        self._emit(events.Choice(name=name, value=value, reason=reason))

    def _emit(self, body: EventBody) -> set[Request]:
        progress = self.progress
        return self._bus.emit(Event.of(body, self._phase.name, progress.step, progress.total))
