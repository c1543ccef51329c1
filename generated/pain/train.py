"""Trains the model of `pain`.

    python train.py --run-dir RUN
    torchrun --nproc-per-node 2 train.py --run-dir RUN

Called again it continues where it was stopped.
"""

import argparse
import json
import math
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, distributed

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


def mix(key: int, part: int) -> int:
    """Return a 64-bit hash of two numbers (the finaliser of splitmix64)."""
    value = (key ^ (part + 0x9E3779B97F4A7C15)) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & MASK
    return value ^ (value >> 31)


@torch.no_grad()
def evaluate(model: Model, split: str) -> dict[str, float]:
    """Return the loss and metrics of each task on a split."""
    model.eval()
    scores = {
        "pain_level": losses.PainLevelScores(),
        "stimulus": losses.StimulusScores(),
    }
    for batch in data.syracuse_batches(split):
        outputs = model.syracuse_outputs(batch)
        scores["pain_level"].update(outputs["pain_level"].float(), batch)
    for batch in data.biovid_batches(split):
        outputs = model.biovid_outputs(batch)
        scores["stimulus"].update(outputs["stimulus"].float(), batch)
    model.train()
    return {
        f"{split}/{name}/{metric}": value
        for name, score in scores.items()
        for metric, value in score.results().items()
    }


def joint_multiplier(step: int) -> float:
    """Return the factor of the base learning rate at `step` of `total`, both without the warm-up."""
    done = min(step / 431, 1.0)
    return 0.0 + 0.5 * (1 + math.cos(math.pi * done))


def joint_rate(step: int) -> float:
    """Return the factor of the learning rate at a step of `joint`."""
    if step < 48:
        return (step + 1) / 49 * joint_multiplier(0)
    return joint_multiplier(step - 48)


def train_joint(model: Model, folder: Path, rank: int, world: int) -> None:
    """Train `pain_level` and `stimulus`: 480 steps of 64 samples, 30 epochs."""
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
        lr=0.001,
        fused=True,
    )
    state = load_state(folder, "joint", model, optimizer)
    model.train()
    while state["step"] < 480:
        optimizer.zero_grad()
        syracuse = data.joint_syracuse_batch(state["step"])
        biovid = data.joint_biovid_batch(state["step"])
        syracuse = part(syracuse, rank, world)
        biovid = part(biovid, rank, world)
        totals = losses.joint_totals(syracuse, biovid)
        add_up([totals], world)
        for number, (
            syracuse,
            biovid,
        ) in enumerate(zip(data.split(syracuse, 2), data.split(biovid, 2), strict=True)):
            torch.manual_seed(mix(mix(14078861616689155852, state["step"]), 2 * rank + number))
            with torch.autocast("cpu", torch.bfloat16):
                loss = losses.joint_loss(model(syracuse, biovid), syracuse, biovid, totals=totals)
            loss.backward()
        add_up([item.grad for item in model.parameters() if item.grad is not None], world)
        for group in optimizer.param_groups:
            group["lr"] = 0.001 * joint_rate(state["step"])
        torch.nn.utils.clip_grad_norm_(
            [item for group in optimizer.param_groups for item in group["params"]], 1.0
        )
        optimizer.step()
        state["step"] += 1
        if state["step"] % 16 == 0 or state["step"] == 480:
            metrics = evaluate(model, "val")
            print(f"joint {state['step']}: val/pain_level/qwk {metrics['val/pain_level/qwk']:.4g}")
            if metrics["val/pain_level/qwk"] > state.get("best", -math.inf):
                state["best"] = metrics["val/pain_level/qwk"]
                if rank == 0:
                    save_file(model.state_dict(), folder / "joint.best.safetensors")
            if metrics["val/pain_level/qwk"] > state.get("to_beat", -math.inf):
                state["to_beat"], state["since"] = metrics["val/pain_level/qwk"], state["step"]
            if rank == 0:
                save_state(folder, state, model, optimizer)
            if state["step"] - state.get("since", state["step"]) >= 128:
                break
    model.load_state_dict(load_file(folder / "joint.best.safetensors"))
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
    train_joint(model, folder, rank, world)
    metrics = evaluate(model, "val") | evaluate(model, "test")
    if rank == 0:
        save_file(model.state_dict(), folder / "weights.safetensors")
        shown = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        (folder / "metrics.json").write_text(json.dumps(shown, indent=1))


if __name__ == "__main__":
    main()
