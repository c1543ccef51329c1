"""What a checkpoint costs: a step's time with one every N steps, written in the background, at once, or not at all.

Run: `python benchmarks/checkpoint.py [CASE ...]`. One real run per case: blocks of N steps begin with no save,
one that is waited for, or one in the background, in turn. The figure is the median over rounds of what a block with a
save takes more than its neighbour without one, as a share of that and in milliseconds. Wall time on one thread: a
save in the background uses another core where there is one, and its contention with training is in the figure.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.loop import VECTORS, plan_of
from declare.runtime.checkpoint import saver
from declare.runtime.listeners.listener import Listener, Request
from declare.runtime.run import train
from declare.runtime.run_folder.event_file import Event

KINDS = ("none", "waited for", "background")
NEVER = 1 << 62
VECTOR_CASE = {
    "source": VECTORS.format(samples=5000),
    "task": "regression",
    "metric": "mae",
}
CASES = {
    "0.02 MB, every 200 steps": ("{type: mlp, hidden: [64], input: features}", 64, 200),
    "0.9 MB, every 100 steps": ("{type: mlp, hidden: [256, 256], input: features}", 64, 100),
    "13 MB, every 40 steps": ("{type: mlp, hidden: [1024, 1024], input: features}", 64, 40),
    "50 MB, every 20 steps": ("{type: mlp, hidden: [2048, 2048], input: features}", 64, 20),
    "202 MB, every 20 steps": ("{type: mlp, hidden: [4096, 4096], input: features}", 64, 20),
}
"""Bytes of a whole state: weights and two moments."""


class Pacer(Listener):
    """Times blocks of steps; each block begins with the save that the block before asked for."""

    def __init__(self, block: int, rounds: int) -> None:
        self._block, self._rounds = block, rounds
        self._since = 0.0
        self._count = -1
        self.times: dict[str, list[float]] = {kind: [] for kind in KINDS}

    def next_step(self, step: int) -> int:
        """Ask for a boundary at the end of each block."""
        return step - step % self._block + self._block

    def on_event(self, event: Event) -> Request | None:
        """Close a block and choose how the next one begins; the first round is a warm-up."""
        if event.name != "boundary" or event.step % self._block:
            return None
        for thread in threading.enumerate():
            if thread.name == "saving":
                thread.join()  # what is not done by now is part of this block's price
        now = time.perf_counter()
        if self._count >= len(KINDS):
            self.times[KINDS[self._count % len(KINDS)]].append((now - self._since) / self._block)
        self._count += 1
        if self._count == (self._rounds + 1) * len(KINDS):
            return Request.STOP_PHASE
        kind = KINDS[self._count % len(KINDS)]
        saver._WORTH_BYTES = 0 if kind == "background" else NEVER  # noqa: SLF001
        self._since = time.perf_counter()
        return None if kind == "none" else Request.SAVE


def measure(module: str, batch: int, block: int) -> dict[str, list[float]]:
    """Return seconds per step of each kind of block."""
    plan = plan_of({**VECTOR_CASE, "module": module, "batch": batch})
    pacer = Pacer(block, 15)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        done = train(plan, "", Path(folder) / "run", listeners=[pacer])
    assert done.status == 0, done.problems
    return pacer.times


def main() -> None:
    """Measure the cases named on the command line, or all."""
    torch.set_num_threads(1)
    wanted = sys.argv[1:]
    results = {}
    for name, (module, batch, block) in CASES.items():
        if wanted and not any(word in name for word in wanted):
            continue
        times = measure(module, batch, block)
        plain = statistics.median(times["none"])
        found = {"milliseconds_per_step": 1000 * plain}
        for kind in KINDS[1:]:
            pairs = list(zip(times["none"], times[kind], strict=True))
            found[f"{kind}, share"] = statistics.median(saved / none - 1 for none, saved in pairs)
            found[f"{kind}, ms a save"] = (
                1000 * block * statistics.median(saved - none for none, saved in pairs)
            )
        print(
            f"{name:<26}{1000 * plain:8.2f} ms a step; waited for {found['waited for, share']:+7.1%} "
            f"({found['waited for, ms a save']:.1f} ms a save), background "
            f"{found['background, share']:+7.1%} ({found['background, ms a save']:.1f} ms a save)"
        )
        results[name] = found
    print(json.dumps(results))


if __name__ == "__main__":
    main()
