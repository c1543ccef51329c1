"""Trains the model of `neural`.

    python train.py --run-dir RUN
    torchrun --nproc-per-node 2 train.py --run-dir RUN

Called again it continues where it was stopped.
"""

import argparse
import json
import math
import os
from fnmatch import fnmatchcase
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


class Average:
    """The exponential moving average of weights and of the statistics of norms."""

    def __init__(self, model: Model, decay: float) -> None:
        statistics = [
            item for name, item in model.named_buffers() if name.rpartition(".")[2].startswith("running_")
        ]
        self.tensors = [*(item.detach() for item in model.parameters()), *statistics]
        self.shadow = [item.clone() for item in self.tensors]
        self.decay = decay

    def load(self, shadow: list[Tensor] | None) -> None:
        """Take over a saved average."""
        if shadow is not None:
            torch._foreach_copy_(self.shadow, shadow)

    def update(self, number: int) -> None:
        """Add the weights after step `number`."""
        torch._foreach_lerp_(self.shadow, self.tensors, 1 - min(self.decay, (1 + number) / (10 + number)))

    def swap(self) -> None:
        """Exchange the weights of the model and the average."""
        copies = [item.clone() for item in self.tensors]
        torch._foreach_copy_(self.tensors, self.shadow)
        torch._foreach_copy_(self.shadow, copies)


@torch.no_grad()
def evaluate(model: Model, split: str) -> dict[str, float]:
    """Return the loss and metrics of each task on a split."""
    model.eval()
    scores = {
        "response@monday": losses.ResponseMondayScores(),
        "response@tuesday": losses.ResponseTuesdayScores(),
        "surprise": losses.SurpriseScores(),
        "surprise@monday": losses.SurpriseScores(),
        "surprise@tuesday": losses.SurpriseScores(),
    }
    for batch in data.monday_batches(split):
        outputs = model.monday_outputs(batch)
        scores["response@monday"].update(outputs["response"].float(), batch)
        scores["surprise"].update(outputs["surprise"].float(), batch)
        scores["surprise@monday"].update(outputs["surprise"].float(), batch)
    for batch in data.tuesday_batches(split):
        outputs = model.tuesday_outputs(batch)
        scores["response@tuesday"].update(outputs["response"].float(), batch)
        scores["surprise"].update(outputs["surprise"].float(), batch)
        scores["surprise@tuesday"].update(outputs["surprise"].float(), batch)
    model.train()
    scores["response"] = losses.ResponseScores(scores["response@monday"], scores["response@tuesday"])
    return {
        f"{split}/{name}/{metric}": value
        for name, score in scores.items()
        for metric, value in score.results().items()
    }


def core_multiplier(step: int) -> float:
    """Return the factor of the base learning rate at `step` of `total`, both without the warm-up."""
    done = min(step / 360, 1.0)
    return 0.0 + 0.5 * (1 + math.cos(math.pi * done))


def core_rate(step: int) -> float:
    """Return the factor of the learning rate at a step of `core`."""
    if step < 19:
        return (step + 1) / 20 * core_multiplier(0)
    return core_multiplier(step - 19)


def train_core(model: Model, folder: Path, rank: int, world: int) -> None:
    """Train `response` and `surprise`: 380 steps of 128 samples, 10 epochs."""
    weights = folder / "core.safetensors"
    if weights.exists():
        model.load_state_dict(load_file(weights))
        return
    named = dict(model.named_parameters())
    groups = []
    group = [named.pop(name) for name in [*named] if fnmatchcase(name, "heads.*")]
    groups += [
        {
            "params": [item for item in group if item.dim() > 1],
            "initial_lr": 0.006,
            "lr": 0.006,
            "weight_decay": 0.01,
        },
        {
            "params": [item for item in group if item.dim() <= 1],
            "initial_lr": 0.006,
            "lr": 0.006,
            "weight_decay": 0.0,
        },
    ]
    rest = [*named.values()]
    groups += [
        {
            "params": [item for item in rest if item.dim() > 1],
            "initial_lr": 0.003,
            "lr": 0.003,
            "weight_decay": 0.01,
        },
        {
            "params": [item for item in rest if item.dim() <= 1],
            "initial_lr": 0.003,
            "lr": 0.003,
            "weight_decay": 0.0,
        },
    ]
    optimizer = torch.optim.AdamW([group for group in groups if group["params"]], lr=0.003, fused=True)
    average = Average(model, 0.99)
    state = load_state(folder, "core", model, optimizer)
    average.load(state.pop("average", None))
    model.train()
    while state["step"] < 380:
        optimizer.zero_grad()
        monday = data.core_monday_batch(state["step"])
        tuesday = data.core_tuesday_batch(state["step"])
        monday = part(monday, rank, world)
        tuesday = part(tuesday, rank, world)
        totals = None
        if world > 1:
            totals = losses.core_totals(monday, tuesday)
            add_up([totals], world)
        torch.manual_seed(mix(mix(14078861616689155852, state["step"]), rank))
        loss = losses.core_loss(model(monday, tuesday), monday, tuesday, model, totals=totals)
        loss.backward()
        add_up([item.grad for item in model.parameters() if item.grad is not None], world)
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * core_rate(state["step"])
        optimizer.step()
        average.update(state["step"])
        state["step"] += 1
        if state["step"] % 38 == 0 or state["step"] == 380:
            average.swap()
            metrics = evaluate(model, "val")
            print(
                f"core {state['step']}: val/response/bits_per_spike {metrics['val/response/bits_per_spike']:.4g}"
            )
            if metrics["val/response/bits_per_spike"] > state.get("best", -math.inf):
                state["best"] = metrics["val/response/bits_per_spike"]
                if rank == 0:
                    save_file(model.state_dict(), folder / "core.best.safetensors")
            average.swap()
            if rank == 0:
                save_state(folder, state | {"average": average.shadow}, model, optimizer)
    model.load_state_dict(load_file(folder / "core.best.safetensors"))
    if rank == 0:
        save_file(model.state_dict(), weights)


def freeze_modulator(model: Model, step: int) -> None:
    """Freeze `core.*`."""
    model.train()
    for name, item in model.named_parameters():
        if fnmatchcase(name, "core.*"):
            item.requires_grad_(False)
    for name in ["core.stages.0.1", "core.stages.1.1"]:
        model.get_submodule(name).train(False)


def train_modulator(model: Model, folder: Path, rank: int, world: int) -> None:
    """Train `response` and `surprise`: 152 steps of 128 samples, 4 epochs."""
    weights = folder / "modulator.safetensors"
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
    state = load_state(folder, "modulator", model, optimizer)
    model.train()
    while state["step"] < 152:
        freeze_modulator(model, state["step"])
        optimizer.zero_grad()
        monday = data.modulator_monday_batch(state["step"])
        tuesday = data.modulator_tuesday_batch(state["step"])
        monday = part(monday, rank, world)
        tuesday = part(tuesday, rank, world)
        totals = None
        if world > 1:
            totals = losses.modulator_totals(monday, tuesday)
            add_up([totals], world)
        torch.manual_seed(mix(mix(2990430653175976037, state["step"]), rank))
        loss = losses.modulator_loss(model(monday, tuesday), monday, tuesday, totals=totals)
        loss.backward()
        add_up([item.grad for item in model.parameters() if item.grad is not None], world)
        optimizer.step()
        state["step"] += 1
        if state["step"] % 38 == 0 or state["step"] == 152:
            metrics = evaluate(model, "val")
            print(f"modulator {state['step']}: val/response/loss {metrics['val/response/loss']:.4g}")
            if rank == 0:
                save_state(folder, state, model, optimizer)
    for item in model.parameters():
        item.requires_grad_(True)
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
    train_core(model, folder, rank, world)
    train_modulator(model, folder, rank, world)
    metrics = evaluate(model, "val")
    if rank == 0:
        save_file(model.state_dict(), folder / "weights.safetensors")
        shown = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        (folder / "metrics.json").write_text(json.dumps(shown, indent=1))


if __name__ == "__main__":
    main()
