"""Two processes against one: how much faster, beside a plain DDP loop under torchrun that trains the same model.

Run: `python benchmarks/scaling.py [CASE ...]` on a machine with two free cores. Our side is a real run in each
process; the plain loop wraps the same graph in DDP with a fused optimizer. Both are timed in the same processes, in
blocks that take turns, one thread each; figures are medians over blocks of the time that passes, and of the processor
time of all processes together. The global batch is the same for one process and for two.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.loop import plan_of
from declare.ir.plan import Plan
from declare.lowering.data.tables import Tables
from declare.lowering.model.graph import make_graph
from declare.runtime.listeners.listener import Listener, Request
from declare.runtime.run import train
from declare.runtime.run_folder.event_file import Event

SPREAD = "{{type: simulated, name: {name}, samples: {samples}, {more}}}"
CASES = {
    "MLP 1024-1024, batch 512": (
        {
            "source": SPREAD.format(name="regression", samples=20_000, more="features: 128"),
            "module": "{type: mlp, hidden: [1024, 1024], input: features}",
            "task": "regression",
            "metric": "mae",
            "batch": 512,
        },
        10,
    ),
    "CNN 32-64-128 at 64, batch 32": (
        {
            "source": SPREAD.format(name="textures", samples=640, more="classes: 3, size: 64"),
            "module": "{type: cnn, channels: [32, 64, 128], norm: group, input: image}",
            "task": "classification",
            "target": "label",
            "metric": "accuracy",
            "batch": 32,
        },
        4,
    ),
}
ROUNDS = 15


class Pacer(Listener):
    """Times blocks of steps of a real run in every process; between two blocks the plain loop makes its own."""

    everywhere = True

    def __init__(self, block: int, plain: Callable[[int], None]) -> None:
        self._block, self._plain = block, plain
        self._since: tuple[float, float] | None = None
        self.times: dict[str, list[tuple[float, float]]] = {"declare": [], "plain": []}

    def next_step(self, step: int) -> int:
        """Ask for a boundary at the end of each block."""
        return step - step % self._block + self._block

    def on_event(self, event: Event) -> Request | None:
        """Close a block, run the plain loop, open the next; the first block is a warm-up."""
        if event.name != "boundary" or event.step % self._block:
            return None
        if self._since is not None:
            self.times["declare"].append(self._passed(self._since))
        start = now()
        self._plain(self._block)
        if self._since is not None:
            self.times["plain"].append(self._passed(start))
        if dist.is_initialized():
            dist.barrier()
        self._since = now()
        return Request.STOP_PHASE if len(self.times["declare"]) >= ROUNDS else None

    def _passed(self, since: tuple[float, float]) -> tuple[float, float]:
        return tuple((after - before) / self._block for before, after in zip(since, now(), strict=True))  # type: ignore[return-value]


def now() -> tuple[float, float]:
    """Return the time, and the processor time of this process."""
    return time.perf_counter(), time.process_time()


class Plain(torch.nn.Module):
    """An encoder and a head, as one would write them."""

    def __init__(self, encoder: torch.nn.Module, head: torch.nn.Module) -> None:
        super().__init__()
        self.encoder, self.head = encoder, head

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the output [batch, ...]."""
        features = self.encoder(x)
        found: torch.Tensor = self.head(features["output"] if isinstance(features, dict) else features)
        return found


def plain(plan: Plan, size: int) -> Callable[[int], None]:
    """Return a function that makes steps of a hand-written loop, with DDP where there are several processes."""
    graph, tables = make_graph(plan).train(), Tables.fit(plan)
    task = plan.tasks["guess"]
    name = plan.nodes[0].wires[0].name
    inputs, targets = (
        tables.tensor("data", "train", field, torch.device("cpu")) for field in (name, str(task.target_field))
    )
    regression = task.target.mean is not None
    if regression:
        targets = (targets - task.target.mean[0]) / task.target.std[0]
    model = Plain(graph.encoder, graph.heads.guess)
    wrapped = DistributedDataParallel(model, gradient_as_bucket_view=True) if size > 1 else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    batch = plan.phases[0].batch_size // size

    def orders() -> itertools.chain[torch.Tensor]:
        return itertools.chain.from_iterable(
            torch.randperm(len(inputs))[: len(inputs) // batch * batch].split(batch)
            for _ in itertools.count()
        )

    def steps(count: int) -> None:
        for rows in itertools.islice(source, count):
            x, y = inputs.index_select(0, rows), targets.index_select(0, rows)
            output = wrapped(x.float().mul_(1 / 255) if x.dtype == torch.uint8 else x)
            if regression:
                loss = torch.nn.functional.mse_loss(output.squeeze(-1) if output.ndim > y.ndim else output, y)
            else:
                loss = torch.nn.functional.cross_entropy(output, y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    source = orders()
    return steps


def work(name: str, out: Path) -> None:
    """Measure a case in this process of a group, or alone; the first process writes what all of them saw."""
    torch.set_num_threads(1)
    settings, block = CASES[name]
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if size > 1:
        dist.init_process_group("gloo")
    plan = plan_of(settings)
    pacer = Pacer(block, plain(plan, size))
    done = train(plan, "", out / f"run-{size}", listeners=[pacer])
    assert done.status == 0, done.problems
    seen: list[dict[str, list[tuple[float, float]]] | None] = [pacer.times] * size
    if size > 1:
        dist.all_gather_object(seen, pacer.times)
        # A thread of gloo that lets go of its tensors while Python ends would abort the process.
        time.sleep(1)
        dist.destroy_process_group()
    if rank == 0:
        (out / f"times-{size}.json").write_text(json.dumps(seen))


def figures(out: Path, size: int) -> dict[str, tuple[float, float]]:
    """Return for each side the median seconds of a step, and those of processor time summed over processes."""
    seen = json.loads((out / f"times-{size}.json").read_text())
    return {
        side: (
            statistics.median(
                max(each) for each in zip(*([w for w, _ in one[side]] for one in seen), strict=True)
            ),
            statistics.median(
                sum(each) for each in zip(*([c for _, c in one[side]] for one in seen), strict=True)
            ),
        )
        for side in ("declare", "plain")
    }


def main() -> None:
    """Measure the cases named on the command line, or all."""
    if "--work" in sys.argv:
        work(sys.argv[2], Path(sys.argv[3]))
        return
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TORCH_CPP_LOG_LEVEL": "ERROR"}
    for name in CASES:
        if sys.argv[1:] and not any(word in name for word in sys.argv[1:]):
            continue
        with tempfile.TemporaryDirectory() as folder:
            for start in ([sys.executable], torchrun):
                command = [*start, __file__, "--work", name, folder]
                subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
            one, two = figures(Path(folder), 1), figures(Path(folder), 2)
        for side in one:
            faster, cost = one[side][0] / two[side][0], two[side][1] / one[side][1]
            speed = f"{1 / two[side][0]:7.1f} steps/s, {faster:.2f} times one process"
            print(f"{name:<32}{side:<8}{speed}, {cost:.2f} of its processor time")
        print(f"{name:<32}declare at {two['plain'][0] / two['declare'][0]:.3f} of the plain loop's speed")


if __name__ == "__main__":
    main()
