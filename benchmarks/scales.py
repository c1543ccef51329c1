"""Memory and time of a joint step over scales: one after another (`on_demand`), or all at once (`eager`).

Run: `python benchmarks/scales.py [SIZES] [MODEL]`. `images` are the bytes of images that travel and stand in
memory: the stored whole pixels here, a copy in float32 for each scale there. `step` is what a step holds at its worst
beyond weights and data, activations included: on CUDA the allocator's peak, on a processor the bytes of live tensor
storages. Times are processor time on one thread, rounds interleaved, medians of ratios.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
import weakref
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from declare.compiler import pipeline
from declare.ir.plan import Plan
from declare.runtime.setup.auto import AutoSettings
from declare.runtime.setup.builder import PlanBuilder
from declare.runtime.setup.phase import assemble, trainable
from declare.runtime.step.step import TrainStep

SPEC = """declare: 1
name: scales
datasets:
  textures:
    source: {type: simulated, name: textures, samples: 96, classes: 3, size: 96}
    split: {val: 0.2}
model:
  encoder: {type: timm, name: MODEL, input: image}
tasks:
  texture: {type: classification, dataset: textures, target: label}
phases:
  joint:
    steps: 1000
    batch_size: 32
    precision: fp32
    scales: {field: image, sizes: [SIZES], materialize: WAY, consistency: {type: kl, weight: 0.1}}
    optimizer: {type: adamw, lr: 3e-4}
hardware: {compile: false}
"""
WAYS = ("on_demand", "eager")


class Live(TorchDispatchMode):
    """Counts the bytes of storages that are alive; `peak` is the most there were at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._seen: set[int] = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        for item in found if isinstance(found, tuple | list) else (found,):
            if isinstance(item, torch.Tensor):
                self._count(item.untyped_storage())
        return found

    def _count(self, storage) -> None:
        place, size = storage.data_ptr(), storage.nbytes()
        if place in self._seen:
            return
        self._seen.add(place)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._gone, place, size)

    def _gone(self, place: int, size: int) -> None:
        self._seen.discard(place)
        self.now -= size


def plan_of(model: str, sizes: str, way: str) -> Plan:
    """Return the plan of one way."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_text(SPEC.replace("MODEL", model).replace("SIZES", sizes).replace("WAY", way))
        checked = pipeline.check(path)
    assert checked.plan is not None, [found.title for found in checked.diagnostics]
    return checked.plan


def stepper(plan: Plan, device: torch.device) -> tuple[TrainStep, list]:
    """Return the step of a plan and a few batches."""
    builder = PlanBuilder(plan, None, device)
    phase = plan.phases[0]
    auto = (AutoSettings(plan, None, device), lambda *_: None)
    made = assemble(plan, builder, phase, trainable_names=trainable(builder.graph), auto=auto)
    return made.train_step, list(made.loader.batches(0, 3))


def peak(step: TrainStep, batch, device: torch.device) -> int:
    """Return the most bytes that a step holds beyond what stands already."""
    if device.type == "cuda":
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step(1, batch)
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - before
    with Live() as live:
        step(1, batch)
    return live.peak


def seconds(step: TrainStep, batches: list, device: torch.device) -> float:
    """Return the time of a step."""
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    start = clock()
    for number, batch in enumerate(batches):
        step(number, batch)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (clock() - start) / len(batches)


def main() -> None:
    """Measure and print."""
    sizes, model = [*sys.argv[1:], *("32,64,96", "resnet10t")[len(sys.argv) - 1 :]]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(1)
    sides = {way: stepper(plan_of(model, sizes, way), device) for way in WAYS}
    for step, batches in sides.values():
        step(0, batches[0])
    memory = {way: peak(step, batches[1], device) for way, (step, batches) in sides.items()}
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(5):
        for way, (step, batches) in sides.items():
            times[way].append(seconds(step, batches, device))
    ratio = statistics.median(a / b for a, b in zip(times["on_demand"], times["eager"], strict=True))
    edges = [int(size) for size in sizes.split(",")]
    kept = 1 - max(edges) ** 2 / sum(4 * edge**2 for edge in edges)
    print(f"images    {kept:9.0%} less than a copy of each scale in float32")
    saved = 1 - memory["on_demand"] / memory["eager"]
    for way in WAYS:
        shown = statistics.median(times[way]) * 1000
        print(f"{way:<10}{memory[way] / 1e6:9.1f} MB peak {shown:9.1f} ms a step")
    print(f"step      {saved:9.0%} less than all scales at once, {ratio:.3f} of the time")
    print(json.dumps({"images_saved": kept, "memory": memory, "saved": saved, "time": ratio}))


if __name__ == "__main__":
    main()
