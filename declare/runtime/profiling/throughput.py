"""How fast the phases of a plan are on this machine, and the split of a step into its builder."""

import time
from dataclasses import dataclass

from declare.ir.plan import Plan
from declare.runtime.profiling.step_timer import Stopwatch
from declare.runtime.setup.auto import AutoSettings
from declare.runtime.setup.phase import assemble, trainable
from declare.runtime.step.interfaces import RunBuilder
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


def measure(plan: Plan, builder: RunBuilder, *, steps: int = 20, warm_up: int = 5) -> list[Speed]:
    """Make a few steps of every phase and return how fast they were; the weights are thrown away."""
    trained_names = trainable(builder.graph)
    auto = AutoSettings(plan, None, builder.device)
    speeds = []
    for phase in plan.phases:
        reasons: dict[str, str] = {}

        def record(name: str, value: object, reason: str, reasons: dict[str, str] = reasons) -> None:
            reasons[name] = f"{value} ({reason})"

        setup = assemble(plan, builder, phase, trainable_names=trained_names, auto=(auto, record))
        count = min(phase.steps, warm_up + steps)
        warm = min(warm_up, count - 1)
        batches = setup.loader.batches(0, count)
        for number in range(warm):
            setup.train_step(number, next(batches))
        watch = Stopwatch(builder.device)
        setup.step.timer.timer = watch
        samples, data, start = 0, 0.0, time.perf_counter()
        for number in range(warm, count):
            request_time = time.perf_counter()
            batch = next(batches)
            data += time.perf_counter() - request_time
            samples += count_rows(batch)
            setup.train_step(number, batch)
        total_seconds = time.perf_counter() - start
        breakdown = watch.split(data, total_seconds)
        measured_steps = count - warm
        seconds = {name: value / measured_steps for name, value in breakdown.items()}
        speeds.append(
            Speed(phase.name, samples / total_seconds, measured_steps / total_seconds, seconds, reasons)
        )
    return speeds
