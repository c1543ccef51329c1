"""The loop: every phase and every task is trained here, from the first step to the last.

A phase is a row of optimizer steps with *boundaries* in it: steps at which something is due (losses are
read, the model is evaluated, state is saved, something thaws). Between boundaries nothing but batches and
updates happens. Everything that must survive a kill is a part of one state tree; the position is the step
alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from itertools import islice
from typing import Any

from declare.contract.problem import ProblemError
from declare.ir.plan import PhasePlan, Plan
from declare.runtime.checkpoint.manager import CheckpointManager
from declare.runtime.checkpoint.sharded_write import spread
from declare.runtime.checkpoint.state_tree import Randomness, StateTree, Tree
from declare.runtime.distributed.stop_flag import StopFlag, StopRequestedError
from declare.runtime.errors import (
    batch_failed,
    is_batch_error,
    no_scale,
    nothing_best,
    nothing_trained,
    out_of_memory,
    too_many_skipped,
)
from declare.runtime.inference.evaluation_size import follow, handed_over
from declare.runtime.listeners.listener import EventBus, Request
from declare.runtime.machine.memory_budget import MemoryBudget
from declare.runtime.profiling.step_timer import Meter
from declare.runtime.run_folder.event_file import Event
from declare.runtime.run_folder.manifest import SavedCheckpoint
from declare.runtime.run_folder.progress import TrainProgress
from declare.runtime.setup.auto import AutoSettings, Record
from declare.runtime.setup.phase import PhaseSetup, assemble, trainable
from declare.runtime.step.interfaces import Batch, TrainingParts, close_batches
from declare.runtime.step.loss_buffer import Window, log_interval
from declare.runtime.step.step import BatchFailedError, count_rows
from declare.runtime.step.strategies.single import UnskippableBatchError
from declare.system.out_of_memory import is_shortage

_TICK_SECONDS = 0.25
_ASK_SECONDS = 0.25


class StoppedError(Exception):
    """The run was asked to stop and has saved its state."""


class Loop:
    """Runs the phases of a plan with parts from a workshop; tells `bus`, saves through `keeper`.

    Of several processes each runs the same loop: what depends on one of them (signals, clocks, listeners) is
    decided together, so that all go the same way.
    """

    def __init__(
        self, plan: Plan, parts: TrainingParts, bus: EventBus, keeper: CheckpointManager, auto: AutoSettings
    ) -> None:
        self._plan = plan
        self._workshop = parts
        self._world = parts.world
        self._ask_every = 1
        self._graph = parts.graph
        self._bus = bus
        self._keeper = keeper
        self._choices = auto
        self._trainable = trainable(self._graph)
        self.course = TrainProgress()
        self._whole = StateTree()
        self._whole["course"] = self.course
        self._whole["listeners"] = bus
        self._whole["choices"] = auto
        self._randomness = Randomness(plan.seed, self._world)
        self._whole["randomness"] = self._randomness

    def run(self, flag: StopFlag, tree: Tree | None = None) -> None:
        """Train every phase from where `tree` (a saved state) stands, or from the start.

        Raises `StoppedError` when `flag` was raised and the state is saved, `StopRequestedError` where that was so
        between two phases and there is nothing to save, `ProblemError` when training fails.
        """
        self._flag = flag
        if tree is not None:
            self._whole.restore(tree)
        try:
            self._run(tree)
        finally:
            self._keeper.close()

    def _run(self, tree: Tree | None) -> None:
        for index, phase in enumerate(self._plan.phases):
            if index > self.course.index or (index == self.course.index and not self.course.finished):
                inside = tree is not None and phase.name == self.course.phase
                with self._flag.interruptible():
                    self._enter(index, phase, tree if inside else None)
                self._train()
                self._leave()
            elif index == self.course.index:
                self._require_done(phase)
            self._probe(phase)

    def _enter(self, index: int, phase: PhasePlan, tree: Tree | None) -> None:
        """Make the phase's machinery: from `tree` if the run continues inside this phase, else fresh."""
        self.phase = phase
        self._told_trivial = False
        reports = []
        if tree is None:
            reports = self._hand_over(index, phase)
            self.course.enter(index, phase.name)
        self._tell(
            "phase_started" if tree is None else "phase_resumed", steps=phase.steps, tasks=list(phase.tasks)
        )
        for report in reports:
            self._tell("init_report", **report)
        self._account = MemoryBudget(self._plan, phase, self._workshop.device, self._world.size)
        made = self._assemble_phase(phase, (self._choices, self._record))
        self._step, self._feed, self._freezer, self._held = made.step, made.feed, made.freezer, made.held
        self._average = made.machinery.average
        self._window = Window(made.machinery.objective.names, self._world, self._feed.about)
        self._meter = Meter(made.step, self._workshop.device, phase.steps)
        self._parts = self._whole.extended(
            model=self._graph,
            optimizer=made.machinery.optimizer,
            rate=made.machinery.rate,
            window=self._window,
            average=self._average,
            balance=made.machinery.objective.balance,
            scaler=made.machinery.precision.scaler,
            statistics=made.machinery.statistics,
        )
        if tree is not None:
            self._parts.restore(spread(tree, self._graph, made.machinery.optimizer))
            self._step.set_lr(max(self.course.step - 1, 0))  # restoring leaves the plan's base rates there
        self._follow_size()

    def _assemble_phase(self, phase: PhasePlan, settle: tuple[AutoSettings, Record]) -> PhaseSetup:
        """Make the phase's machinery; a batch that is tried on the way may not fit."""
        at = self.course.step
        try:
            return assemble(
                self._plan, self._workshop, phase, wanted=self._trainable, settle=settle, at_step=at
            )
        except Exception as error:
            if not is_shortage(error):
                raise
            raise ProblemError(out_of_memory(phase, at, error, self._account)) from error

    def _hand_over(self, index: int, phase: PhasePlan) -> list[dict[str, Any]]:
        """Give the phase the weights that the one before stands for, then those that its `init` names."""
        if index > 0:
            before = self._keeper.give(self._graph, self.course, self._plan.phases[index - 1].name)
            self.course.evaluated_at = handed_over(self._plan, phase, before)
        return self._workshop.initialize(phase, partial(self._keeper.resolve, self.course))

    def _record(self, name: str, value: Any, reason: str) -> None:
        self._tell("choice", name=name, value=value, reason=reason)

    def _train(self) -> None:
        """Go from boundary to boundary until the phase is over."""
        batches = self._feed.batches(self.course.step, self.phase.steps)
        self._window.restart_clock()
        with close_batches(batches):
            self._go_through(batches)

    def _go_through(self, batches: Iterator[Batch]) -> None:
        course, phase = self.course, self.phase
        if course.evaluation_due:
            self._boundary()
        while not course.finished:
            try:
                self._stretch(batches, self._next_boundary(course.step))
            except UnskippableBatchError as error:
                raise ProblemError(batch_failed(phase, course.step, error.cause, self._account)) from error
            except Exception as error:
                if self._world.is_lost(error) or not is_batch_error(error):
                    raise
                raise ProblemError(batch_failed(phase, course.step, error, self._account)) from error
            self._boundary()

    def _stretch(self, batches: Iterator[Batch], until: int) -> None:
        """Make the steps up to `until`, fewer where the run is asked to stop."""
        course, window, step, flag = self.course, self._window, self._step, self._flag
        beat, clock = self._world.beat, time.perf_counter
        alone = self._world.size == 1
        before = clock()
        tick = before + _TICK_SECONDS if self._bus.wants_ticks else float("inf")
        for batch in islice(batches, until - course.step):
            now = clock()
            window.data_seconds += now - before
            window.samples += count_rows(batch)
            try:
                loss, parts = step(course.step, batch)
            except BatchFailedError as error:
                self._skip(error)
            else:
                window.add(course.step, loss, parts)
                course.updates += 1
            course.step += 1
            course.total += 1
            if beat is not None:
                beat(course.total)
            if flag.raised if alone else self._stop_requested():
                break
            before = clock()
            if before > tick:
                self._tell("tick")
                tick = before + _TICK_SECONDS

    def _stop_requested(self) -> bool:
        """Return whether some process is asked to stop; they talk about it a few times a second."""
        return self.course.step % self._ask_every == 0 and self._world.any(self._flag.raised)

    def _skip(self, error: BatchFailedError) -> None:
        """Leave a batch out, if the spec allows one more."""
        self.course.skipped += 1
        shares = self._world.gathered(list(self._feed.about(self.course.step)))
        about = [line for lines in shares for line in lines]
        self._tell("batch_skipped", reason=str(error), skipped=self.course.skipped, about=about)
        if self.course.skipped > self.phase.on_batch_error["limit"]:
            raise ProblemError(too_many_skipped(self.phase, self.course.skipped, str(error))) from error

    def _next_boundary(self, step: int) -> int:
        """Return the next step after `step` at which something is due: a pure function of the step."""
        phase = self.phase
        cadences = (log_interval(phase.steps), phase.evaluate_every, phase.checkpoint_every)
        due = [step - step % every + every for every in cadences if every > 0]
        heard = self._world.decided(lambda: self._bus.next_step(step))
        asked = (self._freezer.next_change(step), self._meter.next_step(step), heard)
        return min(*due, *(wanted for wanted in asked if wanted is not None), phase.steps)

    def _boundary(self) -> None:
        """Read losses, evaluate, decide, save: in this order a saved state needs nothing done again."""
        course, phase = self.course, self.phase
        self._acknowledge(self._keeper.collect())
        self._step.share_statistics()
        self._follow_size()
        at_end = course.step >= phase.steps
        stopping = self._world.any(self._flag.raised)
        # Stopped between two boundaries: the unread losses travel with the state, as if nothing had happened.
        early = stopping and course.step != self._next_boundary(course.step - 1)
        wishes: set[Request] = set()
        if len(self._window) and not early:
            self._read()
        if at_end or (self._is_due(phase.evaluate_every) and not early):
            wishes = self._evaluate_unless_stopped()
            stopping = stopping or course.evaluation_due
            at_end = at_end and not course.evaluation_due
        wishes |= self._tell("boundary")
        wishes = self._world.decided(lambda: wishes)
        if Request.STOP_RUN in wishes:
            self._flag.ask("a listener asked for it")
            stopping = True
        course.finished = at_end or Request.STOP_PHASE in wishes
        if course.finished and not at_end:
            self._tell("early_stopped", metric=phase.early_stop.metric if phase.early_stop else "")
        if course.finished or stopping or Request.SAVE in wishes or self._is_due(phase.checkpoint_every):
            self._save(wait=course.finished or stopping)
        if stopping:
            reason = self._flag.reason or "another process was asked to stop"
            self._tell("run_stopped", reason=reason)
            raise StoppedError(reason)
        self._go_on()

    def _read(self) -> None:
        """Read the losses of the last steps, and the speed where it was measured."""
        report = self._window.read()
        self._count_missed()
        self._workshop.unite()
        often = max(1, int(_ASK_SECONDS / report["step_seconds"]))
        (self._ask_every,) = self._world.least(often)
        rates = {"rate": self._step.rate_now, "group_rates": self._step.group_rates}
        self._tell("step", **rates, epoch=self._epoch, **report)
        for number, fields in self._step.gradients_seen():
            self._tell("gradients", at=number, epoch=self._epoch, **fields)
        measured = self._meter.at(self.course.step, report)
        if measured is not None:
            self._tell("throughput", **measured)

    def _count_missed(self) -> None:
        """Take back the updates that came to nothing since the last reading."""
        try:
            self.course.updates -= self._step.missed()
        except FloatingPointError as error:
            raise ProblemError(no_scale(self.phase, self.course.step)) from error

    def _go_on(self) -> None:
        """Put the graph back into the state that training at this step means."""
        held = self._freezer.apply(self.course.step)
        if held != self._held:
            self._tell("frozen", patterns=held)
            self._step.settle()
            self._held = held
        self._window.restart_clock()

    def _is_due(self, every: int) -> bool:
        return every > 0 and self.course.step % every == 0

    def _evaluate_unless_stopped(self) -> set[Request]:
        """Evaluate; where a stop is asked for, leave it to the run that goes on."""
        kept = self._randomness.drawn()
        try:
            wishes, self.course.evaluation_due = self._evaluate(), False
        except StopRequestedError:
            self._randomness.put_back(kept)
            wishes, self.course.evaluation_due = set(), True
        return wishes

    def _evaluate(self) -> set[Request]:
        """Evaluate with the averaged weights where there are some; remember what is best so far."""
        began = time.perf_counter()
        self._graph.eval()
        metrics = self._measure(tuple(self.phase.tasks))
        self._step.rate.observe(metrics)
        seconds = time.perf_counter() - began
        self._tell_trivial()
        wishes = self._tell("evaluated", split="val", epoch=self._epoch, metrics=metrics, seconds=seconds)
        if self.phase.best is not None and self.course.improves(self.phase.best, metrics):
            best = self.course.best[self.phase.name]
            self._tell("best_improved", metric=best.metric, value=best.value)
            wishes.add(Request.SAVE)
        return wishes

    def _follow_size(self) -> None:
        """Evaluate at the size whose norm statistics the model holds."""
        changed = follow(self.course, *self._step.scales)
        if changed is not None:
            self._step.rate.restart()
            self._tell("evaluation_size", **changed)
        self._workshop.evaluate_at(self.course.evaluated_at)

    def _measure(self, tasks: tuple[str, ...]) -> dict[str, float]:
        leaving = self._flag.interruptible(alone=self._world.size == 1)
        with nullcontext() if self._average is None else self._average.swapped(), leaving:
            metrics = dict(self._workshop.evaluate("val", tasks))
        return self._world.decided(lambda: metrics)

    def _tell_trivial(self) -> None:
        """Say once in a phase what the trivial predictor reaches: it does not change."""
        if not self._told_trivial:
            self._told_trivial = True
            trivial = dict(self._workshop.trivial("val", tuple(self.phase.tasks)))
            if trivial:
                self._tell("trivial", split="val", metrics=trivial)

    @property
    def _epoch(self) -> float:
        return round(self.course.step / self.phase.steps_per_epoch, 4)

    def _save(self, *, wait: bool) -> None:
        """Save the whole state; without `wait` it may become durable after this."""
        course = self.course
        if course.finished:
            course.ends[self.phase.name] = course.total
        parts, average = self._parts, self._average
        self._acknowledge(self._keeper.save(course, parts, self._graph, average, self.phase, wait=wait))

    def _acknowledge(self, durable: list[SavedCheckpoint]) -> None:
        """Report states as saved, each where it was taken: only now that nothing can take them away."""
        for saved in durable:
            fields = {"checkpoint": saved.path.name, "sequence": saved.sequence}
            self._bus.tell(Event("checkpoint_saved", saved.phase, saved.phase_step, saved.step, fields))

    def _leave(self) -> None:
        """Close the phase."""
        self._require_done(self.phase)
        self._tell("phase_finished", updates=self.course.updates, skipped=self.course.skipped)

    def _require_done(self, phase: PhasePlan) -> None:
        """Raise where a phase is over without what it is there for, however often the run is resumed."""
        if self.course.updates == 0:
            raise ProblemError(nothing_trained(phase))
        if phase.best is not None and phase.name not in self.course.best:
            raise ProblemError(nothing_best(phase, phase.best))

    def _probe(self, phase: PhasePlan) -> None:
        """Probe the weights that a finished phase stands for, unless that was done before the run was stopped."""
        if not phase.probes or phase.name in self.course.probes:
            return
        self.phase = phase
        with self._flag.interruptible(alone=self._world.size == 1):
            self._workshop.evaluate_at(self._keeper.give(self._graph, self.course, phase.name))
            found = dict(self._workshop.probe(phase))
        figures = self._world.decided(lambda: found)
        self.course.probes[phase.name] = figures
        self._tell("probed", epoch=self._epoch, metrics=figures)

    def _tell(self, name: str, /, **fields: Any) -> set[Request]:
        course = self.course
        return self._bus.tell(Event(name, self.phase.name, course.step, course.total, fields))
