"""Trains the model of `multiscale`.

    python train.py --run-dir RUN
    torchrun --nproc-per-node 2 train.py --run-dir RUN

Called again it continues where it was stopped.
"""

import argparse
import json
import math
import os
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, distributed
from torch.distributed.nn.functional import all_reduce

import data
import losses
from model import Model

MASK = (1 << 64) - 1


def load_state(folder: Path, phase: str, model: Model, optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return the state of a phase, and load its model and optimizer."""
    path = folder / "state.pt"
    state = torch.load(path) if path.exists() else {}
    if state.get("phase") != phase:
        return {"phase": phase, "step": 0}
    model.load_state_dict(state.pop("model"))
    optimizer.load_state_dict(state.pop("optimizer"))
    return state


def save_state(folder: Path, state: dict[str, Any], model: Model, optimizer: torch.optim.Optimizer) -> None:
    """Save the state of a phase."""
    torch.save(
        state | {"model": model.state_dict(), "optimizer": optimizer.state_dict()}, folder / "state.new"
    )
    (folder / "state.new").replace(folder / "state.pt")


def start_processes() -> tuple[int, int]:
    """Return the rank of this process and their number, as torchrun states them."""
    if "RANK" not in os.environ:
        return 0, 1
    distributed.init_process_group("gloo")
    return distributed.get_rank(), distributed.get_world_size()


def part(batch: dict[str, Tensor], rank: int, world: int) -> dict[str, Tensor]:
    """Return the rows of a batch that one of several processes takes."""
    return batch if world == 1 else {name: values.tensor_split(world)[rank] for name, values in batch.items()}


def add_up(tensors: list[Tensor], world: int) -> None:
    """Add tensors up over all processes."""
    if world > 1:
        for tensor in tensors:
            distributed.all_reduce(tensor)


def share_statistics(model: Model) -> None:
    """Let batch norms use the statistics of the batch of all processes."""
    for norm in model.modules():
        if isinstance(norm, torch.nn.modules.batchnorm._BatchNorm):
            norm.forward = partial(normalise, norm)


def normalise(norm: Any, x: Tensor) -> Tensor:
    """Return what a batch norm gives for x [B, C, ...], its statistics taken over all processes."""
    shape = [1, -1] + [1] * (x.dim() - 2)
    axes = [axis for axis in range(x.dim()) if axis != 1]
    mean, var = norm.running_mean, norm.running_var
    if norm.training:
        count = all_reduce(torch.tensor(float(x.numel() // x.shape[1])))
        mean = all_reduce(x.sum(axes)) / count
        var = all_reduce((x - mean.view(shape)).square().sum(axes)) / count
        with torch.no_grad():
            norm.running_mean.lerp_(mean, norm.momentum)
            norm.running_var.lerp_(var * count / (count - 1), norm.momentum)
            norm.num_batches_tracked += 1
    scaled = (x - mean.view(shape)) * (var + norm.eps).rsqrt().view(shape)
    return scaled * norm.weight.view(shape) + norm.bias.view(shape)


def mix(key: int, part: int) -> int:
    """Return a 64-bit hash of two numbers (the finaliser of splitmix64)."""
    value = (key ^ (part + 0x9E3779B97F4A7C15)) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & MASK
    return value ^ (value >> 31)


class NormStatistics:
    """Running statistics of norms for pictures of other sizes than the one whose the model holds."""

    def __init__(self, model: Model, sizes: tuple[int, ...], sets: dict[int, list[Tensor]] | None) -> None:
        names = ("running_mean", "running_var", "num_batches_tracked")
        self.places = [
            (item._buffers, name) for item in model.modules() for name in names if name in item._buffers
        ]
        self.sets = sets or {size: [buffers[name].clone() for buffers, name in self.places] for size in sizes}

    @contextmanager
    def at(self, size: int) -> Iterator[None]:
        """While inside, norms use and move the statistics of `size`."""
        own = [buffers[name] for buffers, name in self.places]
        self._put(self.sets.get(size, own))
        yield
        self._put(own)

    def _put(self, tensors: list[Tensor]) -> None:
        for (buffers, name), tensor in zip(self.places, tensors, strict=True):
            buffers[name] = tensor


@torch.no_grad()
def evaluate(model: Model, split: str, size: int | None = None) -> dict[str, float]:
    """Return the loss and metrics of each task on a split, images at `size`."""
    model.eval()
    scores = {
        "texture": losses.TextureScores(),
    }
    for batch in data.textures_batches(split):
        if size is not None:
            batch["image"] = data.resize(batch["image"], size)
        outputs = model(batch)
        scores["texture"].update(outputs["texture"].float(), batch)
    model.train()
    return {
        f"{split}/{name}/{metric}": value
        for name, score in scores.items()
        for metric, value in score.results().items()
    }


def train_progressive(model: Model, folder: Path, rank: int, world: int) -> None:
    """Train `texture`: 60 steps of 32 samples, 3 epochs."""
    weights = folder / "progressive.safetensors"
    if weights.exists():
        model.load_state_dict(load_file(weights))
        return
    parameters = [*model.parameters()]
    optimizer = torch.optim.AdamW(
        [
            {"params": [item for item in parameters if item.dim() > 1], "weight_decay": 0.01},
            {"params": [item for item in parameters if item.dim() <= 1], "weight_decay": 0.0},
        ],
        lr=0.001,
        fused=True,
    )
    state = load_state(folder, "progressive", model, optimizer)
    model.train()
    while state["step"] < 60:
        optimizer.zero_grad()
        batch = data.progressive_batch(state["step"])
        batch = part(batch, rank, world)
        size = (32, 64, 96)[min(bisect_right((20, 40, 60), state["step"]), 2)]
        batch["image"] = data.resize(batch["image"], size)
        totals = None
        if world > 1:
            totals = losses.progressive_totals(batch)
            add_up([totals], world)
        torch.manual_seed(mix(mix(mix(14078861616689155852, state["step"]), rank), 0))
        loss = losses.progressive_loss(model(batch), batch, totals=totals)
        loss.backward()
        add_up([item.grad for item in model.parameters() if item.grad is not None], world)
        optimizer.step()
        state["step"] += 1
        if state["step"] % 20 == 0 or state["step"] == 60:
            metrics = evaluate(model, "val", size)
            print(f"progressive {state['step']}: val/texture/loss {metrics['val/texture/loss']:.4g}")
            if rank == 0:
                save_state(folder, state, model, optimizer)
    if rank == 0:
        save_file(model.state_dict(), weights)


def train_joint(model: Model, folder: Path, rank: int, world: int) -> None:
    """Train `texture`: 60 steps of 32 samples, 3 epochs."""
    weights = folder / "joint.safetensors"
    if weights.exists():
        model.load_state_dict(load_file(weights))
        return
    parameters = [*model.parameters()]
    optimizer = torch.optim.AdamW(
        [
            {"params": [item for item in parameters if item.dim() > 1], "weight_decay": 0.01},
            {"params": [item for item in parameters if item.dim() <= 1], "weight_decay": 0.0},
        ],
        lr=0.0003,
        fused=True,
    )
    state = load_state(folder, "joint", model, optimizer)
    statistics = NormStatistics(model, (32, 64), state.pop("statistics", None))
    model.train()
    while state["step"] < 60:
        optimizer.zero_grad()
        batch = data.joint_batch(state["step"])
        batch = part(batch, rank, world)
        totals = None
        if world > 1:
            totals = losses.joint_totals(batch)
            add_up([totals], world)
        stored = batch["image"]
        teacher = {}
        for number, size in enumerate((96, 64, 32)):
            batch["image"] = data.resize(stored, size)
            torch.manual_seed(mix(mix(mix(2990430653175976037, state["step"]), rank), number))
            with statistics.at(size):
                outputs = model(batch)
                loss = losses.joint_loss(outputs, batch, teacher, totals=totals)
                (loss * 0.3333333333333333).backward()
            teacher = teacher or {name: output.detach() for name, output in outputs.items()}
        add_up([item.grad for item in model.parameters() if item.grad is not None], world)
        optimizer.step()
        state["step"] += 1
        if state["step"] % 20 == 0 or state["step"] == 60:
            metrics = evaluate(model, "val", 96)
            print(f"joint {state['step']}: val/texture/loss {metrics['val/texture/loss']:.4g}")
            if rank == 0:
                save_state(folder, state | {"statistics": statistics.sets}, model, optimizer)
    if rank == 0:
        save_file(model.state_dict(), weights)


def main() -> None:
    """Train all phases, evaluate, write weights and metrics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run-dir", type=Path, required=True)
    folder = parser.parse_args().run_dir
    folder.mkdir(parents=True, exist_ok=True)
    rank, world = start_processes()
    model = Model()
    if world > 1:
        share_statistics(model)
    train_progressive(model, folder, rank, world)
    train_joint(model, folder, rank, world)
    metrics = evaluate(model, "val", 96) | evaluate(model, "test", 96)
    if rank == 0:
        save_file(model.state_dict(), folder / "weights.safetensors")
        shown = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        (folder / "metrics.json").write_text(json.dumps(shown, indent=1))


if __name__ == "__main__":
    main()
