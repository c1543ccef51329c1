"""Strikes a run of several processes again and again, and compares its end bit for bit with one left alone.

    python -m tests.harness.soak --strikes 60 --steps 6000 --strategy fsdp
    python -m tests.harness.soak --strikes 20 --kinds rank --load 2     # one process of two, on a busy machine

A strike is `kill -9` (or a segmentation fault) of a process, `kill -9` of all of them, of the launcher or of everything
at once, or a request to stop, by SIGTERM or Ctrl-C, to the launcher or to one process. It comes at a random moment, or
in the middle of a save. What is watched over starts anew by itself; what ended is continued with `--resume`. No
acknowledged checkpoint may be lost, no process may outlive its launcher, nothing may hang. Needs /proc; a few seconds a
strike. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness.forkserver import ForkedProcess

PATIENCE = 180.0
STOPPED, GAVE_UP = 75, 4
SPEC = """
declare: 1
name: soaked
seed: 3
datasets:
  reviews:
    source: {type: simulated, name: reviews, samples: 300}
    split: {val: 0.2, test: 0.1}
model:
  encoder: {type: transformer, input: text, dim: 32, depth: 2, heads: 2, dropout: 0.1}
tasks:
  mood: {type: classification, dataset: reviews, target: mood}
phases:
  first:
    steps: HALF
    batch_size: 16
    accumulate: 2
    optimizer: {type: adamw, lr: 3e-3}
    ema: {decay: 0.9}
    clip: {norm: 0.5}
    schedule: {type: cosine, warmup: 20 steps}
    evaluate: {every: 50 steps, best: {metric: val/mood/loss, mode: min}}
    checkpoint: {every: 20 steps}
  second:
    steps: HALF
    batch_size: 16
    init: [{from: "phase:first"}]
    optimizer: {type: adam, lr: 1e-3}
    freeze: [{match: "encoder.blocks.0.*", until: 100 steps}]
    evaluate: {every: 60 steps}
    checkpoint: {every: 15 steps, keep: 1}
hardware: {accelerator: cpu, precision: fp32, strategy: STRATEGY}
"""


@dataclass
class Tally:
    """What was done to a run, and what came of it."""

    strikes: dict[str, int] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    recoveries: list[float] = field(default_factory=list)
    """Seconds from a strike to the next save."""
    restarts: int = 0
    failures: list[str] = field(default_factory=list)


def _parents() -> Iterator[tuple[int, int]]:
    """Yield (process, its parent) of all living processes."""
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent = (place / "stat").read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                yield int(place.name), int(parent)


def workers(launcher: int) -> list[int]:
    """Return the training processes of a launcher, by rank: it starts nothing else."""
    return sorted(process for process, parent in _parents() if parent == launcher)


def _kill(processes: list[int], number: int) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


Blow = Callable[[int, list[int], random.Random], None]
KINDS: dict[str, Blow] = {
    "rank": lambda _, ranks, draw: _kill([draw.choice(ranks)], signal.SIGKILL),
    "segfault": lambda _, ranks, draw: _kill([draw.choice(ranks)], signal.SIGSEGV),
    "all ranks": lambda _, ranks, __: _kill(ranks, signal.SIGKILL),
    "launcher": lambda launcher, *_: _kill([launcher], signal.SIGKILL),
    "everything": lambda launcher, ranks, _: _kill([launcher, *ranks], signal.SIGKILL),
    "SIGTERM": lambda launcher, *_: _kill([launcher], signal.SIGTERM),
    "Ctrl-C": lambda launcher, ranks, _: _kill([launcher, *ranks], signal.SIGINT),
    "SIGTERM to a rank": lambda _, ranks, draw: _kill([draw.choice(ranks)], signal.SIGTERM),
}


class Soak:
    """A folder with a spec, a clean run of it, and one that is struck."""

    def __init__(self, folder: Path, asked: argparse.Namespace) -> None:
        self.folder, self.asked = folder, asked
        self.draw, self.tally = random.Random(asked.seed), Tally()
        text = SPEC.replace("HALF", str(asked.steps // 2)).replace("STRATEGY", asked.strategy)
        (folder / "spec.yaml").write_text(text, encoding="utf-8")
        (folder / "tmp").mkdir()
        self.run = folder / "struck"

    def start(self, name: str) -> ForkedProcess:
        """Begin or continue a run, in a session of its own."""
        begun = (self.folder / name / "plan.json").exists()
        words = ["train", "spec.yaml", "--procs", str(self.asked.procs), "--quiet"]
        own = {"CUDA_VISIBLE_DEVICES": "", "NO_COLOR": "1"}
        own |= {"DECLARE_CACHE_DIR": str(self.folder / "cache"), "TMPDIR": str(self.folder / "tmp")}
        return ForkedProcess(
            "tests.harness.forking_launcher",
            *words,
            f"--{'resume' if begun else 'run-dir'}={name}",
            cwd=self.folder,
            env=own,
            new_session=True,
            log=self.folder / f"{name}.log",
        )

    def saves(self) -> int:
        """Return how many saves the run has acknowledged."""
        with contextlib.suppress(OSError):
            return (self.run / "events.jsonl").read_bytes().count(b'"checkpoint_saved"')
        return 0

    def strike(self, process: ForkedProcess) -> str:
        """Wait for a moment and strike; return the kind, or nothing where the run had ended."""
        kind = self.draw.choice(self.asked.kinds)
        if not self._await_moment(process):
            return ""
        ranks = workers(process.pid)
        if not ranks or process.poll() is not None:
            return ""
        KINDS[kind](process.pid, ranks, self.draw)
        self.tally.strikes[kind] = self.tally.strikes.get(kind, 0) + 1
        return kind

    def _await_moment(self, process: ForkedProcess) -> bool:
        """Return at the moment of a strike, or with False where the run ended or came no further."""
        how = self.draw.random()
        if how < 0.1:  # while processes start
            self._until(process, lambda: len(workers(process.pid)) == self.asked.procs, 0.05)
            time.sleep(self.draw.uniform(0, 6))
            return process.poll() is None
        seen = self.saves()
        if not self._until(process, lambda: self.saves() > seen, 0.05):
            return False
        time.sleep(self.draw.uniform(0, self.asked.every))
        if how < 0.55:  # inside a save
            saving = self.run / "checkpoints"
            self._until(process, lambda: any(saving.glob(".tmp-*")), 0.0005, 20)
            time.sleep(self.draw.choice([0, self.draw.uniform(0, 0.004), self.draw.uniform(0, 0.03)]))
        return process.poll() is None

    def _until(
        self,
        process: ForkedProcess,
        true: Callable[[], bool],
        pause: float,
        patience: float = PATIENCE,
    ) -> bool:
        began = time.monotonic()
        while process.poll() is None:
            if true():
                return True
            if time.monotonic() - began > patience:
                if patience == PATIENCE:
                    self.tally.failures.append("the run came no further")
                return False
            time.sleep(pause)
        return False

    def soak(self) -> None:
        """Strike as often as asked, and let the run come to its end."""
        process, ranks = self.start("struck"), []
        while True:
            kind = self.strike(process) if self._left() else ""
            ranks = workers(process.pid) or ranks
            if kind and self._recovers(process, kind):
                continue
            if not kind and process.poll() is None:
                self._until(process, lambda: False, 0.1, 1.0 if self._left() else 10 * PATIENCE)
                continue
            status = process.wait(PATIENCE)
            self._note_end(status, ranks)
            if status == 0 or self.tally.failures:
                break
            began, saves = time.monotonic(), self.saves()
            process = self.start("struck")
            self._recovered(process, began, saves)
        self._kill_rest(process)

    def _left(self) -> bool:
        """Whether more strikes are asked for."""
        return sum(self.tally.strikes.values()) < self.asked.strikes

    def _recovers(self, process: ForkedProcess, kind: str) -> bool:
        """Whether the launcher goes on by itself after a strike; note how long it took."""
        if kind not in {"rank", "segfault", "all ranks"}:
            self._wait_for_end(process)
            return False
        self._recovered(process, time.monotonic(), self.saves())
        return process.poll() is None

    def _recovered(self, process: ForkedProcess, began: float, saves: int) -> None:
        if self._until(process, lambda: self.saves() > saves, 0.02):
            self.tally.recoveries.append(round(time.monotonic() - began, 2))

    def _wait_for_end(self, process: ForkedProcess) -> None:
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.tally.failures.append("the launcher hung")
            self._kill_rest(process)

    def _note_end(self, status: int, ranks: list[int]) -> None:
        """Check what an ended launcher leaves: no process, and every checkpoint that was acknowledged."""
        key = str(status)
        self.tally.statuses[key] = self.tally.statuses.get(key, 0) + 1
        began = time.monotonic()
        while alive := [number for number, _ in _parents() if number in ranks]:
            if time.monotonic() - began > 60:
                self.tally.failures.append(f"processes {alive} outlived their launcher")
                _kill(alive, signal.SIGKILL)
            time.sleep(0.02)
        if status not in {0, STOPPED, GAVE_UP, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT}:
            self.tally.failures.append(f"ended with {status}: {self._log()}")
        self._check_acknowledged()

    def _check_acknowledged(self) -> None:
        from declare.runtime.checkpoint.atomic_write import CheckpointStore
        from declare.runtime.run_folder.folder import Run

        if not self.run.exists():
            return
        promised = max((event["sequence"] for event in Run(self.run).events("checkpoint_saved")), default=0)
        newest, rejected = CheckpointStore(self.run).newest()
        if promised and (newest is None or newest.sequence < promised or rejected):
            self.tally.failures.append(f"save {promised} is lost: {newest}, {rejected}")

    def _log(self) -> str:
        return (self.folder / "struck.log").read_text(encoding="utf-8", errors="replace")[-2500:]

    def _kill_rest(self, process: ForkedProcess) -> None:
        """End what is left of a run that failed."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def judge(self) -> None:
        """Compare with a run that nobody disturbed."""
        from declare.runtime.run_folder.folder import Run
        from tests.harness.interrupted_runs import differences, fingerprint

        clean = self.start("clean")
        if clean.wait() != 0:
            raise RuntimeError((self.folder / "clean.log").read_text())
        different = differences(fingerprint(self.run), fingerprint(self.folder / "clean"))
        if different:
            self.tally.failures.append(f"differs in {different[:5]}, {len(different)} in all")
        if litter := [path.name for path in (self.run / "checkpoints").glob(".*")]:
            self.tally.failures.append(f"left {litter}")
        if "Traceback" in (log := (self.folder / "struck.log").read_text(errors="replace")):
            self.tally.failures.append(f"showed a traceback: {log[log.index('Traceback') - 300 :][:1500]}")
        self.tally.restarts = len(list(Run(self.run).events("process_died")))


def _options(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Strike a run of several processes and compare its end.")
    parser.add_argument("--strikes", type=int, default=20)
    parser.add_argument("--steps", type=int, default=2000, help="of the run: strikes end with it")
    parser.add_argument("--procs", type=int, default=2)
    parser.add_argument("--strategy", choices=["ddp", "fsdp"], default="ddp")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument(
        "--every", type=float, default=3.0, help="most seconds from a save to the next strike"
    )
    parser.add_argument("--load", type=int, default=0, help="processes that keep the machine busy meanwhile")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="a new folder to work in, which stays")
    return parser.parse_args(words)


def main(words: Sequence[str] | None = None) -> int:
    """Strike as the command line asks; 0 if the run came to the end of an undisturbed one."""
    asked, began = _options(words), time.perf_counter()
    with contextlib.ExitStack() as stack:
        folder = asked.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        soak = Soak(folder.resolve(), asked)
        busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(asked.load)]
        try:
            soak.soak()
        finally:
            for process in busy:
                process.kill()
        if not soak.tally.failures:
            soak.judge()
    figures = {**vars(soak.tally), "struck": sum(soak.tally.strikes.values())}
    if soak.tally.recoveries:
        figures["median_recovery"] = statistics.median(soak.tally.recoveries)
        figures["longest_recovery"] = max(soak.tally.recoveries)
    del figures["recoveries"]
    figures["seconds"] = round(time.perf_counter() - began, 1)
    sys.stdout.write(json.dumps(figures) + "\n")
    return 1 if soak.tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
