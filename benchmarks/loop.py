"""Steps per second of the product's loop against the best plain loop: same model, data and precision.

Run: `python benchmarks/loop.py [CASE ...]`. Our side is a real run (events, metrics files, TensorBoard), timed from
inside. Both sides train the same graph with the same fused optimizer on one thread; blocks of steps are interleaved
and the figure is the median of the ratios of paired blocks (processor time). The plain loop gathers its batches from
tensors in memory; a second peer is the same loop over a `DataLoader` of single samples.
"""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from declare.compiler import pipeline
from declare.ir.plan import Plan
from declare.lowering.data.tables import Tables
from declare.lowering.model.graph import make_graph
from declare.runtime.listeners.listener import Listener, Request
from declare.runtime.run import train
from declare.runtime.run_folder.event_file import Event

SPEC = """declare: 1
name: bench
datasets:
  data:
    source: {source}
    split: {{val: 0.1}}
model:
  encoder: {module}
tasks:
  guess: {{type: {task}, dataset: data, target: {target}, metrics: [{metric}]}}
phases:
  fit:
    steps: 100000
    batch_size: {batch}
    precision: fp32
    evaluate: {{every: 100000 steps}}
    checkpoint: {{every: 100000 steps}}
    optimizer: {{type: adamw, lr: 1e-3}}
hardware: {{accelerator: cpu, compile: false}}
"""
VECTORS = "{{type: simulated, name: regression, samples: {samples}, features: 20}}"
CASES = {
    "tiny MLP, batch 64": (
        {
            "source": VECTORS.format(samples=5000),
            "module": "{type: mlp, hidden: [64], input: features}",
            "task": "regression",
            "metric": "mae",
            "batch": 64,
        },
        200,
    ),
    "MLP 256-256, 100,000 rows": (
        {
            "source": VECTORS.format(samples=100_000),
            "module": "{type: mlp, hidden: [256, 256], input: features}",
            "task": "regression",
            "metric": "mae",
            "batch": 256,
        },
        100,
    ),
    "ResNet-18 at 64": (
        {
            "source": "{type: simulated, name: textures, samples: 640, classes: 3, size: 64}",
            "module": "{type: timm, name: resnet18, input: image}",
            "task": "classification",
            "target": "label",
            "metric": "accuracy",
            "batch": 16,
        },
        2,
    ),
}


def plan_of(settings: dict[str, object]) -> Plan:
    """Return the plan of a case."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spec.yaml"
        path.write_text(SPEC.format(**{"target": "target", **settings}))
        checked = pipeline.check(path)
    assert checked.plan is not None, [found.title for found in checked.diagnostics]
    return checked.plan


class Pacer(Listener):
    """Times blocks of steps of a real run; between two blocks it lets the peers make theirs."""

    def __init__(self, block: int, rounds: int, peers: dict[str, Callable[[int], None]]) -> None:
        self._block, self._rounds, self._peers = block, rounds, peers
        self._since: float | None = None
        self.times: dict[str, list[float]] = {"declare": [], **{name: [] for name in peers}}

    def next_step(self, step: int) -> int:
        """Ask for a boundary at the end of each block."""
        return step - step % self._block + self._block

    def on_event(self, event: Event) -> Request | None:
        """Close a block, run the peers, open the next; the first block is a warm-up."""
        if event.name != "boundary" or event.step % self._block:
            return None
        if self._since is not None:
            self.times["declare"].append((time.process_time() - self._since) / self._block)
        for name, run in self._peers.items():
            start = time.process_time()
            run(self._block)
            if self._since is not None:
                self.times[name].append((time.process_time() - start) / self._block)
        done = len(self.times["declare"]) >= self._rounds
        self._since = time.process_time()
        return Request.STOP_PHASE if done else None


def plain(plan: Plan, *, loader: bool) -> Callable[[int], None]:
    """Return a function that makes steps of a hand-written loop over the same tensors."""
    graph, tables = make_graph(plan).train(), Tables.fit(plan)
    task = plan.tasks["guess"]
    encoder, head = graph.encoder, graph.heads.guess
    names = [wire.name for wire in plan.nodes[0].wires]
    inputs = tables.tensor("data", "train", names[0], torch.device("cpu"))
    targets = tables.tensor("data", "train", task.target_field, torch.device("cpu"))
    regression = task.target.mean is not None
    if regression:
        targets = (targets - task.target.mean[0]) / task.target.std[0]
    optimizer = torch.optim.AdamW(graph.parameters(), lr=1e-3, weight_decay=0.01, fused=True)
    batch = plan.phases[0].batch_size

    def loss_of(x: Tensor, y: Tensor) -> Tensor:
        x = x.float().mul_(1 / 255) if x.dtype == torch.uint8 else x
        features = encoder(x)
        features = next(iter(features.values())) if isinstance(features, dict) else features
        output = head(features)
        if regression:
            return torch.nn.functional.mse_loss(output.squeeze(-1) if output.ndim > y.ndim else output, y)
        return torch.nn.functional.cross_entropy(output, y)

    def gathered() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            order = torch.randperm(len(inputs))
            for start in range(0, len(inputs), batch):
                rows = order[start : start + batch]
                yield inputs.index_select(0, rows), targets.index_select(0, rows)

    def loaded() -> Iterator[tuple[Tensor, Tensor]]:
        while True:
            yield from DataLoader(TensorDataset(inputs, targets), batch_size=batch, shuffle=True)

    batches = loaded() if loader else gathered()

    def steps(count: int) -> None:
        for x, y in itertools.islice(batches, count):
            loss = loss_of(x, y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    return steps


def measure(plan: Plan, block: int) -> dict[str, list[float]]:
    """Return seconds of processor time per step of each side, block by block."""
    peers = {"plain": plain(plan, loader=False), "DataLoader": plain(plan, loader=True)}
    pacer = Pacer(block, 25, peers)
    with tempfile.TemporaryDirectory() as folder:
        done = train(plan, "", Path(folder) / "run", listeners=[pacer])
    assert done.status == 0, done.problems
    return pacer.times


def main() -> None:
    """Measure the cases named on the command line, or all."""
    torch.set_num_threads(1)
    wanted = sys.argv[1:]
    results = {}
    for name, (settings, block) in CASES.items():
        if wanted and not any(word in name for word in wanted):
            continue
        times = measure(plan_of(settings), block)
        ratio = {
            peer: statistics.median(b / a for a, b in zip(times["declare"], times[peer], strict=True))
            for peer in ("plain", "DataLoader")
        }
        own = statistics.median(times["declare"])
        print(
            f"{name:<28}{1 / own:9.1f} steps/s  {ratio['plain']:.3f} of plain, "
            f"{ratio['DataLoader']:.2f} of DataLoader"
        )
        results[name] = {"steps_per_second": 1 / own, **ratio}
    print(json.dumps(results))


if __name__ == "__main__":
    main()
