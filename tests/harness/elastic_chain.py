"""Trains runs in a chain of groups of processes, each going on where the one before stopped, and checks the books.

    python -m tests.harness.elastic_chain --sizes 4 2 1 4 --steps 200

Three runs each: `fast` and `fsdp`, which must end where one process alone does, to rounding, and `exact`, which must
end with the same bits. Each process writes down the samples of every step that it trained on: every step must have
been made once, and in every epoch each sample of the training split must have been trained on once. Prints one JSON
object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.harness.forkserver import ForkedProcess

SAMPLES, BATCH = 72, 12
SPEC = """
declare: 1
name: chained
seed: 7
datasets:
  table:
    source: {type: csv, path: table.csv}
    fields:
      number: {type: number}
      x1: {type: number}
      x2: {type: number}
      kind: {type: category}
    split: {val: 0.25}
model:
  encoder: {type: mlp, input: [number, x1, x2], hidden: [16, 16], dropout: DROPOUT}
tasks:
  kind: {type: classification, dataset: table, target: kind}
phases:
  fit:
    steps: STEPS
    batch_size: 12
    accumulate: 4
    optimizer: {type: sgd, lr: 5e-2, momentum: 0.9}
    schedule: {type: cosine}
    ema: {decay: 0.9}
    checkpoint: {every: 10 steps}
hardware: {accelerator: cpu, precision: fp32, HOW}
"""
# Dropout belongs to processes, so only the run that is to agree to the bit has any.
RUNS = {
    "fast": {"DROPOUT": "0.0", "HOW": "strategy: auto"},
    "exact": {"DROPOUT": "0.2", "HOW": "determinism: exact"},
    "fsdp": {"DROPOUT": "0.0", "HOW": "strategy: fsdp"},
}


def lay_out(folder: Path, steps: int) -> None:
    """Write the specs and a table in which labels are missing in stretches, so that shares are unequal."""
    draw = random.Random(0)
    lines = ["number,x1,x2,kind"]
    for row in range(SAMPLES):
        x1, x2 = draw.gauss(0, 1), draw.gauss(0, 1)
        kind = "" if row % 9 < 3 else "abc"[(x1 > 0) + (x2 > x1)]
        lines.append(f"{row / 100},{x1},{x2},{kind}")
    (folder / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, words in RUNS.items():
        text = SPEC.replace("STEPS", str(steps))
        for word, value in words.items():
            text = text.replace(word, value)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def be_one(rank: int, size: int, folder: Path, stage: str, stop: int) -> None:
    """Be one process of a group: begin or continue every run until the step `stop` of it."""
    os.chdir(folder)
    import torch
    from torch import distributed as dist

    from declare.compiler.pipeline import check
    from declare.runtime.listeners.listener import Listener, Request
    from declare.runtime.run import train
    from declare.runtime.step.step import Step

    class Stop(Listener):
        """Asks for a stop once a step is done."""

        def on_event(self, event: Any) -> Request | None:
            """React to an event."""
            return Request.STOP_RUN if event.name == "boundary" and event.total >= stop else None

        def next_step(self, step: int) -> int:
            """Return the next step."""
            return step + 1

    torch.set_num_threads(1)
    if size > 1:
        store = dist.FileStore(f"store-{stage}", size)
        dist.init_process_group("gloo", rank=rank, world_size=size, store=store)
    call = Step.__call__
    for name in RUNS:
        book = (folder / f"book-{name}-{stage}-{rank}.jsonl").open("w", encoding="utf-8")
        Step.__call__ = _noted(call, book)  # type: ignore[method-assign]
        checked = check(folder / f"{name}.yaml")
        assert checked.plan is not None, [found.title for found in checked.diagnostics]
        place = folder / f"{name}-{stage.partition('-')[0]}"
        resume = stage.startswith("chain") and stage != "chain-0"  # all of a group know the same
        outcome = train(checked.plan, "", place, resume=resume, listeners=[Stop()])
        assert outcome.status in {0, 75}, (name, outcome.problems)
        book.close()
    if size > 1:
        dist.destroy_process_group()


def _noted(call: Callable[..., Any], book: Any) -> Callable[..., Any]:
    """Return a step that writes down its samples."""

    def noted(step: Any, number: int, batch: Any, *rest: Any) -> Any:
        made = call(step, number, batch, *rest)
        rows = (batch["table"]["number"].flatten() * 100).round().int().tolist()
        book.write(json.dumps([number, rows]) + "\n")
        return made

    return noted


def group(folder: Path, size: int, stage: str, stop: int) -> None:
    """Let a group of processes take all runs to a step."""
    cache = {"DECLARE_CACHE_DIR": str(folder / "cache")}
    words = ["--folder", str(folder), "--stage", stage, "--steps", str(stop), "--sizes", str(size)]
    processes = [
        ForkedProcess("tests.harness.elastic_chain", *words, "--rank", str(rank), env=cache)
        for rank in range(size)
    ]
    said = ["".join(process.communicate(timeout=900)) for process in processes]
    if any(process.returncode for process in processes):
        raise RuntimeError("\n".join(text[-2000:] for text in said))


def errors_of_books(folder: Path, name: str, chain: str, steps: int) -> list[str]:
    """Return what is wrong with the samples that a run was trained on."""
    made: dict[int, list[int]] = {}
    stages: dict[int, set[str]] = {}
    for path in folder.glob(f"book-{name}-{chain}*.jsonl"):
        stage = path.stem.rpartition("-")[0]
        for number, rows in map(json.loads, path.read_text().splitlines()):
            made.setdefault(number, []).extend(rows)
            stages.setdefault(number, set()).add(stage)
    wrong = [f"step {number} was made in {where}" for number, where in stages.items() if len(where) > 1]
    first = min(made)
    if sorted(made) != list(range(first, first + steps)):
        wrong.append(f"{len(made)} of {steps} steps were made")
    per_epoch = -(-int(SAMPLES * 0.75) // BATCH)
    expected = None
    for start in range(first, first + steps - per_epoch + 1, per_epoch):
        epoch = sorted(row for number in range(start, start + per_epoch) for row in made.get(number, []))
        expected = expected or sorted(set(epoch))
        if epoch != expected or len(epoch) != int(SAMPLES * 0.75):
            wrong.append(f"the epoch from step {start} has {len(epoch)} samples, {len(set(epoch))} different")
    return wrong


def compare(folder: Path, sizes: list[int], steps: int) -> dict[str, Any]:
    """Train alone and in a chain; return distances of weights, and what is wrong."""
    lay_out(folder, steps)
    group(folder, 1, "alone", steps)
    for number, size in enumerate(sizes):
        group(folder, size, f"chain-{number}", steps * (number + 1) // len(sizes))
    return judged(folder, sizes, steps)


def judged(folder: Path, sizes: list[int], steps: int) -> dict[str, Any]:
    """Return how far a chain ended from one process alone, and what is wrong with either."""
    import torch

    from declare.runtime.checkpoint.safetensors_io import read_tensors
    from declare.runtime.run_folder.folder import Run

    found: dict[str, Any] = {"sizes": sizes, "steps": steps, "distances": {}, "wrong": []}
    for name in RUNS:
        one, other = (
            read_tensors(Run(folder / f"{name}-{way}").weights_path("last")) for way in ("alone", "chain")
        )
        flat = [torch.cat([part[key].double().flatten() for key in sorted(part)]) for part in (one, other)]
        distance = float((flat[0] - flat[1]).norm() / flat[0].norm())
        found["distances"][name] = distance
        if distance > (0.0 if name == "exact" else 1e-5):
            found["wrong"].append(f"{name} ends {distance} away")
        for chain in ("alone", "chain"):
            found["wrong"] += [f"{name} {chain}: {it}" for it in errors_of_books(folder, name, chain, steps)]
    return found


def main() -> int:
    """Do what the command line asks; 0 if nothing is wrong."""
    parser = argparse.ArgumentParser(description="Train in a chain of groups and compare with one process.")
    parser.add_argument("--sizes", type=int, nargs="+", default=[4, 2, 1, 4])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="a new folder to work in, which stays")
    parser.add_argument("--rank", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.rank is not None:
        be_one(asked.rank, asked.sizes[0], asked.folder, asked.stage, asked.steps)
        return 0
    with tempfile.TemporaryDirectory() as made:
        folder = (asked.folder or Path(made)).resolve()
        folder.mkdir(exist_ok=True)
        found = compare(folder, asked.sizes, asked.steps)
    sys.stdout.write(json.dumps(found) + "\n")
    return 1 if found["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
