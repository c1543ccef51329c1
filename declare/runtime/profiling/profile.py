"""A look inside the steps of each phase: torch.profiler over a few of them, and where their time goes."""

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, record_function
from torch.profiler import profile as torch_profile

from declare.contract import strict_json
from declare.ir.plan import PhasePlan, Plan
from declare.runtime.run_folder.durable_io import translate_os_errors
from declare.runtime.setup.auto import AutoSettings
from declare.runtime.setup.phase import PhaseSetup, assemble, trainable
from declare.runtime.step.interfaces import RunBuilder
from declare.runtime.step.split_batch import count_rows

# These two names are what torch-tb-profiler looks for to fill its DataLoader and Optimizer columns.
_DATA = "enumerate(DataLoader)#Feed.__next__"
_UPDATE = "Optimizer.step#Step.apply"
_LABELS = {"forward": "forward", "backward": "backward", "optimizer": _UPDATE}
_PARTS = {_DATA: "data"} | {label: part for part, label in _LABELS.items()}


@dataclass(frozen=True)
class Operator:
    """An operator's own time per step, without what it calls."""

    name: str
    calls_per_step: float
    cpu_seconds: float
    device_seconds: float


@dataclass(frozen=True)
class PhaseProfile:
    """Where a step of a phase spends its time: means per step; `seconds` by part sum up to `step_seconds`."""

    phase: str
    steps: int
    step_seconds: float
    samples_per_second: float
    seconds: dict[str, float]
    operators: tuple[Operator, ...]
    peak_bytes: int | None
    trace: Path


def profile(
    plan: Plan, builder: RunBuilder, folder: Path, *, steps: int = 8, warm_up: int = 3
) -> list[PhaseProfile]:
    """Profile a few steps of every phase and write a Chrome trace of each into `folder/PHASE`.

    TensorBoard with torch-tb-profiler reads `folder` as a log directory. No weights are kept.
    """
    trained_names = trainable(builder.graph)
    auto = AutoSettings(plan, None, builder.device)
    profiles = []
    for phase in plan.phases:
        setup = assemble(plan, builder, phase, trainable_names=trained_names, auto=(auto, _ignore))
        profiles.append(_profile_phase(phase, setup, builder.device, folder / phase.name, (warm_up, steps)))
    return profiles


def _ignore(name: str, value: Any, reason: str) -> None:
    """Take no note of a choice."""


def _profile_phase(
    phase: PhasePlan, setup: PhaseSetup, device: torch.device, folder: Path, counts: tuple[int, int]
) -> PhaseProfile:
    warm_up, steps = counts
    setup.step.timer.timer = lambda part: record_function(_LABELS[part])
    last = min(phase.steps, warm_up + steps)
    batches = setup.loader.batches(0, last)
    activities = [ProfilerActivity.CPU]
    if device.type == "cuda":
        activities.append(ProfilerActivity.CUDA)
        torch.cuda.reset_peak_memory_stats()
    warm_up = min(warm_up, max(phase.steps - 1, 0))
    for number in range(warm_up):
        setup.train_step(number, next(batches))
    # The profiler runs through one cycle; without `acc_events` torch 2.11 warns that others would be cleared.
    profiler = torch_profile(activities=activities, record_shapes=True, acc_events=True)
    with _silence_profiler():
        profiler.start()
    samples, began = 0, time.perf_counter()
    for number in range(warm_up, last):
        with record_function(f"ProfilerStep#{number}"):
            with record_function(_DATA):
                batch = next(batches)
            samples += count_rows(batch)
            setup.train_step(number, batch)
            if device.type == "cuda":
                torch.cuda.synchronize()
    seconds = time.perf_counter() - began
    with _silence_profiler():
        profiler.stop()
    trace = _write_trace(profiler, folder)
    return _summary(phase.name, last - warm_up, (seconds, samples), profiler, trace, device)


@contextlib.contextmanager
def _silence_profiler() -> Iterator[None]:
    """Keep the profiler's library from writing its own log lines to the user's terminal."""
    sys.stderr.flush()
    stderr_copy, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(stderr_copy, 2)
        os.close(stderr_copy)
        os.close(nothing)


def _summary(
    phase: str,
    steps: int,
    timing: tuple[float, int],
    profiler: Any,
    trace: Path,
    device: torch.device,
) -> PhaseProfile:
    total_seconds, samples = timing
    table = profiler.key_averages()
    seconds = dict.fromkeys(_PARTS.values(), 0.0)
    for row in table:
        if row.key in _PARTS:
            seconds[_PARTS[row.key]] += row.cpu_time_total / 1e6 / steps
    step_seconds = total_seconds / steps
    seconds["rest"] = max(step_seconds - sum(seconds.values()), 0.0)
    return PhaseProfile(
        phase=phase,
        steps=steps,
        step_seconds=step_seconds,
        samples_per_second=samples / total_seconds,
        seconds=seconds,
        operators=_operators(table, steps),
        peak_bytes=torch.cuda.max_memory_allocated() if device.type == "cuda" else None,
        trace=trace,
    )


def _operators(table: Any, steps: int) -> tuple[Operator, ...]:
    rows = [row for row in table if row.key not in _PARTS and not row.key.startswith("ProfilerStep")]
    operators = [
        Operator(
            name=row.key,
            calls_per_step=row.count / steps,
            cpu_seconds=row.self_cpu_time_total / 1e6 / steps,
            device_seconds=getattr(row, "self_device_time_total", 0.0) / 1e6 / steps,
        )
        for row in rows
    ]
    return tuple(sorted(operators, key=lambda item: -(item.cpu_seconds + item.device_seconds))[:20])


def _write_trace(profiler: Any, folder: Path) -> Path:
    """Write the Chrome trace under the name that torch-tb-profiler looks for, and repair it for it."""
    stem = f"{socket.gethostname().replace('.', '-')}_{time.time_ns() // 1_000_000}"
    path = folder / f"{stem}.pt.trace.json"
    with translate_os_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        profiler.export_chrome_trace(str(path))
        trace = json.loads(path.read_text(encoding="utf-8"))
        repair(trace)
        path.write_text(strict_json.dumps(trace, separators=(",", ":")), encoding="utf-8")
    return path


def repair(trace: dict[str, Any]) -> None:
    """Change the category of our own marks to one that torch-tb-profiler 0.4.3 does not drop."""
    for event in trace["traceEvents"]:
        if event.get("cat") == "user_annotation" and not event.get("name", "").startswith("ProfilerStep#"):
            event["cat"] = "cpu_op"
