"""Trains the model of `language_model`.

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
        "next": losses.NextScores(),
    }
    for batch in data.corpus_batches(split):
        view = losses.next_view(batch)
        outputs = model({**batch, **view})
        scores["next"].update(outputs["next"].float(), {**view, **batch})
    model.train()
    return {
        f"{split}/{name}/{metric}": value
        for name, score in scores.items()
        for metric, value in score.results().items()
    }


def fit_multiplier(step: int) -> float:
    """Return the factor of the base learning rate at `step` of `total`, both without the warm-up."""
    done = min(step / 474, 1.0)
    return 0.0 + 0.5 * (1 + math.cos(math.pi * done))


def fit_rate(step: int) -> float:
    """Return the factor of the learning rate at a step of `fit`."""
    if step < 25:
        return (step + 1) / 26 * fit_multiplier(0)
    return fit_multiplier(step - 25)


def train_fit(model: Model, folder: Path, rank: int, world: int) -> None:
    """Train `next`: 500 steps of 16 samples, 71.4286 epochs."""
    weights = folder / "fit.safetensors"
    if weights.exists():
        model.load_state_dict(load_file(weights))
        return
    parameters = [*model.parameters()]
    optimizer = torch.optim.AdamW(
        [
            {"params": [item for item in parameters if item.dim() > 1], "weight_decay": 0.01},
            {"params": [item for item in parameters if item.dim() <= 1], "weight_decay": 0.0},
        ],
        lr=0.003,
        fused=True,
    )
    state = load_state(folder, "fit", model, optimizer)
    model.train()
    while state["step"] < 500:
        optimizer.zero_grad()
        batch = data.fit_batch(state["step"])
        view = losses.next_view(batch)
        shown, batch = part({**batch, **view}, rank, world), {**view, **batch}
        batch = part(batch, rank, world)
        totals = None
        if world > 1:
            totals = losses.fit_totals(batch)
            add_up([totals], world)
        torch.manual_seed(mix(mix(14078861616689155852, state["step"]), rank))
        loss = losses.fit_loss(model(shown), batch, totals=totals)
        loss.backward()
        add_up([item.grad for item in model.parameters() if item.grad is not None], world)
        for group in optimizer.param_groups:
            group["lr"] = 0.003 * fit_rate(state["step"])
        optimizer.step()
        state["step"] += 1
        if state["step"] % 7 == 0 or state["step"] == 500:
            metrics = evaluate(model, "val")
            print(f"fit {state['step']}: val/next/loss {metrics['val/next/loss']:.4g}")
            if rank == 0:
                save_state(folder, state, model, optimizer)
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
    train_fit(model, folder, rank, world)
    metrics = evaluate(model, "val")
    if rank == 0:
        save_file(model.state_dict(), folder / "weights.safetensors")
        shown = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        (folder / "metrics.json").write_text(json.dumps(shown, indent=1))


if __name__ == "__main__":
    main()
