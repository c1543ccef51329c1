"""How fast the phases of a plan are on this machine, and the split of a step into its parts."""

from __future__ import annotations

import time
from dataclasses import dataclass

from declare.ir.plan import Plan
from declare.runtime.profiling.step_timer import Stopwatch
from declare.runtime.setup.auto import AutoSettings
from declare.runtime.setup.phase import assemble, trainable
from declare.runtime.step.interfaces import TrainingParts
from declare.runtime.step.split_batch import count_rows


@dataclass(frozen=True)
class Speed:
    """How fast a phase's steps are; `seconds` by part are means per step and sum up to the step."""

    phase: str
    samples_per_second: float
    steps_per_second: float
    seconds: dict[str, float]
    choices: dict[str, str]
    """What `auto` came to, with the reason."""


def measure(plan: Plan, workshop: TrainingParts, *, steps: int = 20, warm_up: int = 5) -> list[Speed]:
    """Make a few steps of every phase and return how fast they were; the weights are thrown away."""
    wanted = trainable(workshop.graph)
    choices = AutoSettings(plan, None, workshop.device)
    found = []
    for phase in plan.phases:
        reasons: dict[str, str] = {}

        def record(name: str, value: object, reason: str, reasons: dict[str, str] = reasons) -> None:
            reasons[name] = f"{value} ({reason})"

        setup = assemble(plan, workshop, phase, wanted=wanted, auto=(choices, record))
        count = min(phase.steps, warm_up + steps)
        warm = min(warm_up, count - 1)
        batches = setup.loader.batches(0, count)
        for number in range(warm):
            setup.train_step(number, next(batches))
        watch = Stopwatch(workshop.device)
        setup.step.timer.timer = watch
        samples, data, began = 0, 0.0, time.perf_counter()
        for number in range(warm, count):
            asked = time.perf_counter()
            batch = next(batches)
            data += time.perf_counter() - asked
            samples += count_rows(batch)
            setup.train_step(number, batch)
        whole = time.perf_counter() - began
        parts = watch.split(data, whole)
        counted = count - warm
        seconds = {name: value / counted for name, value in parts.items()}
        found.append(Speed(phase.name, samples / whole, counted / whole, seconds, reasons))
    return found
