"""Trains the model of `text_classifier`.

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
        "mlm": losses.MlmScores(),
        "mood": losses.MoodScores(),
    }
    for number, batch in enumerate(data.reviews_batches(split)):
        view = losses.mlm_view(batch, torch.Generator().manual_seed(0 + number))
        outputs = model.forward_fit(batch) | model({**batch, **view})
        scores["mlm"].update(outputs["mlm"].float(), {**view, **batch})
        scores["mood"].update(outputs["mood"].float(), batch)
    model.train()
    return {
        f"{split}/{name}/{metric}": value
        for name, score in scores.items()
        for metric, value in score.results().items()
    }


def train_pretrain(model: Model, folder: Path, rank: int, world: int) -> None:
    """Train `mlm`: 15 steps of 32 samples, 3 epochs."""
    weights = folder / "pretrain.safetensors"
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
    state = load_state(folder, "pretrain", model, optimizer)
    model.train()
    while state["step"] < 15:
        optimizer.zero_grad()
        batch = data.pretrain_batch(state["step"])
        view = losses.mlm_view(
            batch, torch.Generator().manual_seed((mix(14078861616689155852, state["step"]) + 0) % 2**63)
        )
        shown, batch = part({**batch, **view}, rank, world), {**view, **batch}
        batch = part(batch, rank, world)
        totals = None
        if world > 1:
            totals = losses.pretrain_totals(batch)
            add_up([totals], world)
        torch.manual_seed(mix(mix(14078861616689155852, state["step"]), rank))
        loss = losses.pretrain_loss(model(shown), batch, totals=totals)
        loss.backward()
        add_up([item.grad for item in model.parameters() if item.grad is not None], world)
        optimizer.step()
        state["step"] += 1
        if state["step"] % 5 == 0 or state["step"] == 15:
            metrics = evaluate(model, "val")
            print(f"pretrain {state['step']}: val/mlm/loss {metrics['val/mlm/loss']:.4g}")
            if rank == 0:
                save_state(folder, state, model, optimizer)
    if rank == 0:
        save_file(model.state_dict(), weights)


def train_fit(model: Model, folder: Path, rank: int, world: int) -> None:
    """Train `mood`: 25 steps of 32 samples, 5 epochs."""
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
    while state["step"] < 25:
        optimizer.zero_grad()
        batch = data.fit_batch(state["step"])
        batch = part(batch, rank, world)
        totals = None
        if world > 1:
            totals = losses.fit_totals(batch)
            add_up([totals], world)
        torch.manual_seed(mix(mix(2990430653175976037, state["step"]), rank))
        loss = losses.fit_loss(model.forward_fit(batch), batch, totals=totals)
        loss.backward()
        add_up([item.grad for item in model.parameters() if item.grad is not None], world)
        optimizer.step()
        state["step"] += 1
        if state["step"] % 5 == 0 or state["step"] == 25:
            metrics = evaluate(model, "val")
            print(f"fit {state['step']}: val/mood/loss {metrics['val/mood/loss']:.4g}")
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
    train_pretrain(model, folder, rank, world)
    train_fit(model, folder, rank, world)
    metrics = evaluate(model, "val")
    if rank == 0:
        save_file(model.state_dict(), folder / "weights.safetensors")
        shown = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        (folder / "metrics.json").write_text(json.dumps(shown, indent=1))


if __name__ == "__main__":
    main()
