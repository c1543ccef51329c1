"""A rehearsal: every part of a run executed in seconds, and how long the whole run will take.

All phases with hand-overs, freezing, evaluations, checkpoints and probes, a stop and a resume inside each phase,
then what is done with a run: evaluate, predict, report. In this process, on the batches that the spec states.
"""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from declare.contract.problem import Problem
from declare.ir.plan import PhasePlan, Plan
from declare.nn.tasks.next_token import Sampling
from declare.rehearsal.short_plan import shorten
from declare.report.collect import of_run
from declare.report.layers import layers_of
from declare.report.render.html import render
from declare.runtime.distributed.exit_codes import DONE, FAILED, STOPPED
from declare.runtime.inference.evaluate import evaluate
from declare.runtime.inference.loaded_run import Loading
from declare.runtime.inference.predict import predict
from declare.runtime.listeners.listener import Listener, Request
from declare.runtime.machine.device import choose_device
from declare.runtime.machine.environment import configure_torch
from declare.runtime.profiling import gradient_reach
from declare.runtime.profiling.overfit_check import Trial, problem, trials, warning
from declare.runtime.run import Outcome, train
from declare.runtime.run_folder.durable_io import write_whole
from declare.runtime.run_folder.event_file import Event
from declare.runtime.run_folder.folder import Run

_SPLITS = ("val", "test")
_NEW_TOKENS = 4
_TRIAL_SECONDS = 5.0


@dataclass(frozen=True)
class PhaseTime:
    """What was measured of a phase, and what follows for the whole of it: seconds."""

    phase: str
    steps: int
    step_seconds: float
    evaluations: int
    evaluation_seconds: float

    @property
    def seconds(self) -> float:
        """Return about how long the phase takes."""
        return self.steps * self.step_seconds + self.evaluations * self.evaluation_seconds


@dataclass
class Rehearsal:
    """What a rehearsal did and measured."""

    stages: dict[str, float] = field(default_factory=dict)
    """What was done -> seconds."""
    phases: tuple[PhaseTime, ...] = ()
    trials: tuple[Trial, ...] = ()
    without_gradient: tuple[str, ...] = ()
    errors: tuple[Problem, ...] = ()
    """Findings for which the run would fail, or learn nothing."""
    warnings: tuple[Problem, ...] = ()
    status: int = DONE
    """The exit code: 4 if there are errors, 75 if it was asked to stop (Ctrl-C)."""

    @property
    def run_seconds(self) -> float:
        """Return about how long all phases take, without reading and decoding the data."""
        return sum(item.seconds for item in self.phases)


def rehearse(
    plan: Plan,
    spec_text: str,
    folder: Path | None = None,
    *,
    trust: Collection[str] = (),
    on_stage: Callable[[str], object] = lambda _: None,
) -> Rehearsal:
    """Rehearse a plan; `on_stage` is called with the name of each part before it starts.

    The run is kept in `folder`, which must be new or empty; without one it is removed. Raises `ProblemError` for
    what fails outside training; what fails in it is in `errors`.
    """
    if folder is None:
        with TemporaryDirectory(prefix="declare-rehearsal-") as temporary:
            return rehearse(plan, spec_text, Path(temporary), trust=trust, on_stage=on_stage)
    rehearsal = Rehearsal()
    stage = _Stages(rehearsal.stages, on_stage)
    with stage("choose samples"):
        short = shorten(plan)
    device = choose_device(short.hardware)
    configure_torch(short.hardware, device)
    with stage("learn one batch in each phase"):
        rehearsal.trials = tuple(trials(short, device, budget_seconds=_TRIAL_SECONDS))
    with stage("look for parameters without a gradient"):
        rehearsal.without_gradient = tuple(gradient_reach.without_gradient(short, device))
    rehearsal.errors = tuple(filter(None, map(problem, rehearsal.trials)))
    odd = tuple(filter(None, map(warning, rehearsal.trials)))
    rehearsal.warnings = (*odd, *gradient_reach.problems(plan, list(rehearsal.without_gradient)))
    observer = _Observer(short)
    with stage("train all phases, stopped and resumed in each"):
        outcome = _train(short, spec_text, folder, observer)
    rehearsal.errors += outcome.problems if outcome.status not in {DONE, STOPPED} else ()
    rehearsal.status = outcome.status or (FAILED if rehearsal.errors else DONE)
    rehearsal.phases = tuple(
        observer.time_of(phase, plan, short) for phase in plan.phases if phase.name in observer.step_seconds
    )
    if outcome.status == DONE:
        _use(Run(folder), short, tuple(trust), stage)
    return rehearsal


def _train(plan: Plan, spec_text: str, folder: Path, observer: "_Observer") -> Outcome:
    """Train the plan; continue it whenever the observer has stopped it."""
    outcome = train(plan, spec_text, folder, listeners=(observer,))
    while outcome.status == STOPPED and observer.asked:
        observer.asked = False
        outcome = train(plan, spec_text, folder, resume=True, listeners=(observer,))
    return outcome


def _use(run: Run, plan: Plan, trust: tuple[str, ...], stage: "_Stages") -> None:
    """Do with a finished run what is done with runs."""
    for split in _SPLITS:
        datasets = [name for name, item in plan.datasets.items() if item.splits.get(split)]
        if datasets:
            with stage(f"evaluate {split}"):
                evaluate(run, split, trust=trust)
        for name in datasets:
            if any(name in task.datasets for task in plan.tasks.values()):
                with stage(f"predict {split} of {name}"):
                    loading, sampling = Loading(trust=trust), Sampling(_NEW_TOKENS)
                    predictions = predict(run, dataset=name, split=split, loading=loading, sampling=sampling)
                    predictions.write(run.path / f"predictions.{name}.{split}.csv")
    with stage("report"):
        write_whole(run.path / "report.html", render(of_run(run, layers_of(plan))))


class _Stages:
    """Times the parts of a rehearsal: `with stages(NAME): ...`."""

    def __init__(self, seconds: dict[str, float], on_stage: Callable[[str], object]) -> None:
        self._seconds, self._on_stage = seconds, on_stage

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time a part."""
        self._on_stage(name)
        start = time.perf_counter()
        yield
        self._seconds[name] = time.perf_counter() - start


class _Observer(Listener):
    """Measures steps and evaluations of a run, and stops it once inside each phase."""

    def __init__(self, plan: Plan) -> None:
        # Stages of a short phase end after an even number of steps: a stop comes inside one.
        self._stops = {phase.name: phase.steps // 2 | 1 for phase in plan.phases if phase.steps > 1}
        self._phase = ""
        self.step_seconds: dict[str, list[float]] = defaultdict(list)
        """Phase -> what its readings were, the first of which may include setting up."""
        self._evaluation_seconds: dict[str, list[float]] = defaultdict(list)
        self.asked = False
        """Whether it has asked for a stop that nobody has resumed yet."""

    def on_event(self, event: Event) -> Request | None:
        """Note what the event measured; at a boundary in the middle of a phase, ask for a stop."""
        if event.phase is not None:
            self._phase = event.phase
        if event.name == "step":
            self.step_seconds[self._phase].append(event["step_seconds"])
        elif event.name == "evaluated":
            self._evaluation_seconds[self._phase].append(event["seconds"])
        elif event.name == "boundary" and event.step >= self._stops.get(self._phase, math.inf):
            del self._stops[self._phase]
            self.asked = True
            return Request.STOP_RUN
        return None

    def next_step(self, step: int) -> int | None:
        """Return the step of the stop."""
        stop = self._stops.get(self._phase)
        return stop if stop is not None and stop > step else None

    def time_of(self, phase: PhasePlan, plan: Plan, short: Plan) -> PhaseTime:
        """Return what a phase takes as planned; the first step, which sets up what others use, does not count."""
        steps, evaluations = self.step_seconds[phase.name], self._evaluation_seconds[phase.name]
        num_evaluations = phase.steps // phase.evaluate_every if phase.evaluate_every > 0 else 1
        return PhaseTime(
            phase.name,
            phase.steps,
            median(steps[1:] or steps),
            max(num_evaluations, 1),
            _samples_ratio(plan, short, phase) * median(evaluations or [0.0]),
        )


def _samples_ratio(plan: Plan, short: Plan, phase: PhasePlan) -> float:
    """Return how many times more samples an evaluation of a phase has than in its rehearsal."""
    names = {name for task in phase.tasks for name in plan.tasks[task].datasets}
    numbers = [sum(item.datasets[name].splits.get("val", 0) for name in names) for item in (plan, short)]
    return numbers[0] / numbers[1] if numbers[1] else 1.0
