"""Small training parts for tests of the loop: two data sets, dropout, batch norm, without `data` and `lowering`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import torch
from torch import nn
from torch.nn import functional

from declare.contract.kinds.task import Target
from declare.contract.shapes import Shape
from declare.ir.lr_schedule import LRSchedule
from declare.ir.plan import HardwarePlan, PhasePlan, Plan, TaskPlan
from declare.nn.distributed.process_group import SINGLE_PROCESS
from declare.runtime import run
from declare.runtime.step.rng import key

ROWS = {"left": 50, "right": 30}
ABOUT = {"phase": "fit", "phase_step": 1, "phase_steps": 24, "threads": 1} | {
    "plan_sha256": "0" * 64,
    "world_size": 1,
    "device": "cpu",
}
"""What the manifest of a run's checkpoint says beside its files."""
WIDTH = 4


PLATEAU = {"type": "plateau", "metric": "val/digit/loss", "mode": "min", "factor": 0.5, "patience": 0}


def phase(name="fit", **changes):
    """Return a phase over both data sets; `changes` are fields of the plan."""
    block = {
        "name": name,
        "tasks": {"digit": 1.0},
        "datasets": ("left", "right"),
        "steps": 24,
        "steps_per_epoch": 8,
        "epochs": 3.0,
        "batch_size": 10,
        "rows": {"left": 6, "right": 4},
        "alternate": False,
        "accumulate": 1,
        "mix": {"type": "proportional"},
        "sampler": {"type": "random"},
        "augment": (),
        "optimizer": {"type": "adamw", "lr": 0.01},
        "groups": (),
        "schedule": {"type": "constant"},
        "warmup_steps": 0,
        "rates": (),
        "regularizers": (),
        "init": (),
        "freeze": (),
        "clip": None,
        "ema": None,
        "precision": "fp32",
        "evaluate_every": 8,
        "best": None,
        "early_stop": None,
        "checkpoint_every": 8,
        "keep_checkpoints": 2,
        "on_batch_error": {"action": "error", "limit": 10},
        "trainable_parameters": 100,
        "memory_bytes": None,
    }
    return PhasePlan.model_validate(block | changes)


def make_plan(*phases, **changes):
    """Return a plan with these phases (one by default)."""
    target = Target(prediction="class_logits", output=Shape("vector", (3,)))
    task = TaskPlan(
        block={"type": "classification"},
        datasets=("left", "right"),
        target_field="label",
        mask=None,
        head="heads.digit",
        target=target,
        losses=(),
        metrics=(),
        weight=1.0,
    )
    block = {
        "declare": "0.1.0",
        "name": "fake",
        "description": None,
        "seed": 3,
        "spec_sha256": "0" * 64,
        "datasets": {},
        "nodes": (),
        "tasks": {"digit": task},
        "phases": phases or (phase(),),
        "hardware": HardwarePlan(
            accelerator="cpu",
            devices=1,
            nodes=1,
            strategy="single",
            compile=False,
            workers=0,
            memory_limit_bytes=None,
            determinism="fast",
        ),
        "tracking": (),
    }
    return Plan.model_validate(block | changes)


class Graph(nn.Module):
    """A shared encoder with batch norm and dropout, and one head."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(WIDTH, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3))
        self.heads = nn.ModuleDict({"digit": nn.Linear(16, 3)})

    def forward(self, x):
        return self.heads["digit"](self.encoder(x))


class Feed:
    """Batches keyed by (seed, phase, step)."""

    def __init__(self, plan, which, data):
        self.plan, self.phase, self.data = plan, which, data

    def describe_samples(self, step):
        return [f"the batch of step {step + 1}"]

    def batches(self, start, stop) -> Iterator:
        for step in range(start, stop):
            batch = {}
            for number, (name, count) in enumerate(self.phase.rows.items()):
                rows = torch.Generator().manual_seed(key(self.plan.seed, number, step) >> 1)
                pick = torch.randint(0, ROWS[name], (count,), generator=rows)
                batch[name] = {field: values[pick] for field, values in self.data[name].items()}
            yield batch


class Objective(nn.Module):
    """Cross entropy over all rows, divided by the number of rows of the whole step."""

    names = ("digit",)
    scales = None
    balance = None
    needs_collectives = False

    def __init__(self, graph):
        super().__init__()
        self.graph = graph

    def mask_inputs(self, batch, seed):
        return batch

    def denominators(self, batch):
        return torch.tensor([float(sum(len(fields["label"]) for fields in batch.values()))])

    def forward(self, batch, denominators=None):
        denominators = self.denominators(batch) if denominators is None else denominators
        x = torch.cat([fields["x"] for fields in batch.values()])
        label = torch.cat([fields["label"] for fields in batch.values()])
        part = functional.cross_entropy(self.graph(x), label, reduction="sum") / denominators[0]
        return part, part.reshape(1)


class Average:
    """Exponential moving average of parameters."""

    def __init__(self, graph, decay):
        self.graph, self.decay = graph, decay
        self.shadow = {name: item.detach().clone() for name, item in graph.named_parameters()}

    @torch.no_grad()
    def update(self):
        for name, item in self.graph.named_parameters():
            self.shadow[name].lerp_(item, 1 - self.decay)

    @contextmanager
    def average_parameters(self):
        kept = {name: item.detach().clone() for name, item in self.graph.named_parameters()}
        self._put(self.shadow)
        try:
            yield
        finally:
            self._put(kept)

    @torch.no_grad()
    def _put(self, values):
        for name, item in self.graph.named_parameters():
            item.copy_(values[name])

    def state_dict(self):
        return dict(self.shadow)

    def load_state_dict(self, state):
        self.shadow = {name: tensor.clone() for name, tensor in state.items()}


class FakeBuilder:
    """Everything that the loop asks for; `spoil(step, batch)` may change a training batch."""

    world = SINGLE_PROCESS

    def __init__(self, plan, spoil=None):
        self.plan, self.spoil = plan, spoil
        self.device = torch.device("cpu")
        torch.manual_seed(plan.seed)
        self.graph = Graph()
        draw = torch.Generator().manual_seed(1)
        truth = torch.randn(WIDTH, 3, generator=draw)
        self.data = {}
        for name, count in ROWS.items():
            x = torch.randn(count, WIDTH, generator=draw)
            self.data[name] = {"x": x, "label": (x @ truth).argmax(1)}
        self.evaluations = []

    def loader(self, which):
        feed = Feed(self.plan, which, self.data)
        if self.spoil is None:
            return feed
        spoil = self.spoil

        class Spoiled:
            describe_samples = feed.describe_samples

            def batches(self, start, stop):
                for step, batch in zip(range(start, stop), feed.batches(start, stop), strict=True):
                    yield spoil(step, batch)

        return Spoiled()

    def objective(self, which):
        return Objective(self.graph)

    def optimizer(self, which):
        return torch.optim.AdamW(self.graph.parameters(), lr=which.optimizer["lr"])

    def ema(self, which):
        return Average(self.graph, which.ema["decay"]) if which.ema else None

    def lr_schedule(self, which):
        schedule = LRSchedule(which)
        schedule.planned_factor = lambda step: 1 - 0.5 * step / which.steps
        return schedule

    def initialize(self, which, resolve):
        for entry in which.init:
            resolve(entry)
        return []

    def sync_skipped_samples(self):
        """Nothing can be wrong in these data."""

    def evaluate_at(self, sizes):
        """Remember the sizes of images in evaluations."""
        self.sizes = dict(sizes)

    def evaluate(self, split, tasks):
        if split == "test":
            return {}
        assert not self.graph.training
        with torch.no_grad():
            scores = []
            for name in ROWS:
                logits = self.graph(self.data[name]["x"])
                scores.append(functional.cross_entropy(logits, self.data[name]["label"]).item())
        self.evaluations.append(scores)
        return {"val/digit/loss": sum(scores) / len(scores)}

    def bounds(self, split, tasks):
        return {}

    def baseline_metrics(self, split, tasks):
        return {}

    def composites(self, metrics):
        return {}


def make(plan, place, device, tell, world):
    """Make training parts; the signature that `train` wants."""
    return FakeBuilder(plan)


def train(plan, spec_text, folder=None, *, make_builder=None, **options):
    """Train as `declare.runtime.run.train` does, with other parts."""
    if make_builder is None:
        return run.train(plan, spec_text, folder, **options)
    with mock.patch.object(run, "make_builder", make_builder):
        return run.train(plan, spec_text, folder, **options)


def hard_plan():
    """Return a plan with all that could break a resume: two phases, accumulation, EMA, freezing, best, stopping."""
    loss = {"metric": "val/digit/loss", "mode": "min"}
    first = phase(
        "one",
        accumulate=2,
        ema={"decay": 0.9},
        best=loss,
        evaluate_every=5,
        checkpoint_every=7,
        clip={"norm": 1.0, "value": None},
        schedule=PLATEAU,
        early_stop={**loss, "patience_steps": 15, "min_delta": 0.0},
    )
    freeze = (
        {"match": "encoder.*", "until_step": 9, "parameters": ("encoder.0.weight",), "modules": ("encoder",)},
    )
    return make_plan(first, phase("two", freeze=freeze, evaluate_every=6, checkpoint_every=5, best=loss))


def main():
    """Train the hard plan in a folder given on the command line, slowly enough to be killed anywhere."""
    place, mode = Path(sys.argv[1]), sys.argv[2]
    torch.set_num_threads(1)
    suicide = int(os.environ.get("KILL_AT_STEP", "-1"))

    def spoil(step, batch):
        if step == suicide:
            os.kill(os.getpid(), signal.SIGKILL)
        return batch

    def parts(plan, folder, device, tell, world):
        return FakeBuilder(plan, spoil)

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    outcome = train(hard_plan(), "declare: 1\n", place, resume=mode == "resume", make_builder=parts)
    sys.exit(outcome.status)


if __name__ == "__main__":
    main()
