"""Trains the model of `eeg`.

    python train.py --run-dir RUN
    torchrun --nproc-per-node 2 train.py --run-dir RUN

Called again it continues where it was stopped.
"""

import argparse
import json
import math
import os
from fnmatch import fnmatchcase
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
        "mem@tuh": losses.MemTuhScores(),
        "mem@hbn": losses.MemHbnScores(),
        "age": losses.AgeScores(),
        "age@tuh": losses.AgeScores(),
        "age@hbn": losses.AgeScores(),
        "sex": losses.SexScores(),
        "p_factor": losses.PFactorScores(),
        "attention": losses.AttentionScores(),
        "movie": losses.MovieScores(),
    }
    for number, batch in enumerate(data.tuh_batches(split)):
        view = losses.mem_tuh_view(batch, torch.Generator().manual_seed(0 + number))
        outputs = model.tuh_outputs(batch) | model.tuh_mem_outputs({**batch, **view})
        scores["mem@tuh"].update(outputs["mem"].float(), {**view, **batch})
        scores["age"].update(outputs["age"].float(), batch)
        scores["age@tuh"].update(outputs["age"].float(), batch)
    for number, batch in enumerate(data.hbn_batches(split)):
        view = losses.mem_tuh_view(batch, torch.Generator().manual_seed(10007 + number))
        outputs = model.hbn_outputs(batch) | model.hbn_mem_outputs({**batch, **view})
        scores["mem@hbn"].update(outputs["mem"].float(), {**view, **batch})
        scores["age"].update(outputs["age"].float(), batch)
        scores["age@hbn"].update(outputs["age"].float(), batch)
        scores["sex"].update(outputs["sex"].float(), batch)
        scores["p_factor"].update(outputs["p_factor"].float(), batch)
        scores["attention"].update(outputs["attention"].float(), batch)
        scores["movie"].update(outputs["movie"].float(), batch)
    model.train()
    scores["mem"] = losses.MemScores(scores["mem@tuh"], scores["mem@hbn"])
    return {
        f"{split}/{name}/{metric}": value
        for name, score in scores.items()
        for metric, value in score.results().items()
    }


def pretrain_multiplier(step: int) -> float:
    """Return the factor of the base learning rate at `step` of `total`, both without the warm-up."""
    done = min(step / 92, 1.0)
    return 0.0 + 0.5 * (1 + math.cos(math.pi * done))


def pretrain_rate(step: int) -> float:
    """Return the factor of the learning rate at a step of `pretrain`."""
    if step < 11:
        return (step + 1) / 12 * pretrain_multiplier(0)
    return pretrain_multiplier(step - 11)


def train_pretrain(model: Model, folder: Path, rank: int, world: int) -> None:
    """Train `mem` and `age` and `sex`: 104 steps of 32 samples, 4 epochs."""
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
        lr=0.001,
        fused=True,
    )
    state = load_state(folder, "pretrain", model, optimizer)
    model.train()
    while state["step"] < 104:
        optimizer.zero_grad()
        tuh = data.pretrain_tuh_batch(state["step"])
        hbn = data.pretrain_hbn_batch(state["step"])
        view = losses.mem_tuh_view(
            tuh, torch.Generator().manual_seed((mix(14078861616689155852, state["step"]) + 0) % 2**63)
        )
        tuh_shown, tuh = part({**tuh, **view}, rank, world), {**view, **tuh}
        view = losses.mem_tuh_view(
            hbn, torch.Generator().manual_seed((mix(14078861616689155852, state["step"]) + 10007) % 2**63)
        )
        hbn_shown, hbn = part({**hbn, **view}, rank, world), {**view, **hbn}
        tuh = part(tuh, rank, world)
        hbn = part(hbn, rank, world)
        totals = None
        if world > 1:
            totals = losses.pretrain_totals(tuh, hbn)
            add_up([totals], world)
        torch.manual_seed(mix(mix(14078861616689155852, state["step"]), rank))
        loss = losses.pretrain_loss(
            model(tuh, hbn) | model.forward_pretrain_mem(tuh_shown, hbn_shown), tuh, hbn, totals=totals
        )
        loss.backward()
        add_up([item.grad for item in model.parameters() if item.grad is not None], world)
        for group in optimizer.param_groups:
            group["lr"] = 0.001 * pretrain_rate(state["step"])
        optimizer.step()
        state["step"] += 1
        if state["step"] % 26 == 0 or state["step"] == 104:
            metrics = evaluate(model, "val")
            print(f"pretrain {state['step']}: val/mem/loss {metrics['val/mem/loss']:.4g}")
            if rank == 0:
                save_state(folder, state, model, optimizer)
    if rank == 0:
        save_file(model.state_dict(), weights)


def train_align(model: Model, folder: Path, rank: int, world: int) -> None:
    """Train `movie`: 56 steps of 32 samples, 4 epochs."""
    weights = folder / "align.safetensors"
    if weights.exists():
        model.load_state_dict(load_file(weights))
        return
    parameters = [*model.parameters()]
    optimizer = torch.optim.AdamW(
        [
            {"params": [item for item in parameters if item.dim() > 1], "weight_decay": 0.01},
            {"params": [item for item in parameters if item.dim() <= 1], "weight_decay": 0.0},
        ],
        lr=0.0005,
        fused=True,
    )
    state = load_state(folder, "align", model, optimizer)
    model.train()
    while state["step"] < 56:
        optimizer.zero_grad()
        batch = data.align_batch(state["step"])
        batch = part(batch, rank, world)
        totals = None
        if world > 1:
            totals = losses.align_totals(batch)
            add_up([totals], world)
        torch.manual_seed(mix(mix(2990430653175976037, state["step"]), rank))
        loss = losses.align_loss(model.forward_align(batch), batch, totals=totals)
        loss.backward()
        add_up([item.grad for item in model.parameters() if item.grad is not None], world)
        optimizer.step()
        state["step"] += 1
        if state["step"] % 14 == 0 or state["step"] == 56:
            metrics = evaluate(model, "val")
            print(f"align {state['step']}: val/movie/loss {metrics['val/movie/loss']:.4g}")
            if rank == 0:
                save_state(folder, state, model, optimizer)
    if rank == 0:
        save_file(model.state_dict(), weights)


def freeze_finetune(model: Model, step: int) -> None:
    """Freeze `encoder.*` until step 52."""
    model.train()
    for name, item in model.named_parameters():
        if fnmatchcase(name, "encoder.*"):
            item.requires_grad_(step >= 52)


def train_finetune(model: Model, folder: Path, rank: int, world: int) -> None:
    """Train `age` and `p_factor` and `attention`: 156 steps of 32 samples, 6 epochs."""
    weights = folder / "finetune.safetensors"
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
    state = load_state(folder, "finetune", model, optimizer)
    model.train()
    while state["step"] < 156:
        freeze_finetune(model, state["step"])
        optimizer.zero_grad()
        tuh = data.finetune_tuh_batch(state["step"])
        hbn = data.finetune_hbn_batch(state["step"])
        tuh = part(tuh, rank, world)
        hbn = part(hbn, rank, world)
        totals = None
        if world > 1:
            totals = losses.finetune_totals(tuh, hbn)
            add_up([totals], world)
        torch.manual_seed(mix(mix(10962588681216601559, state["step"]), rank))
        loss = losses.finetune_loss(model.forward_finetune(tuh, hbn), tuh, hbn, totals=totals)
        loss.backward()
        add_up([item.grad for item in model.parameters() if item.grad is not None], world)
        optimizer.step()
        state["step"] += 1
        if state["step"] % 26 == 0 or state["step"] == 156:
            metrics = evaluate(model, "val")
            print(f"finetune {state['step']}: val/age/loss {metrics['val/age/loss']:.4g}")
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
    probed = {}
    train_pretrain(model, folder, rank, world)
    for name, value in losses.probe_sex(model).items():
        probed[f"probe/pretrain/sex/{name}"] = value
    train_align(model, folder, rank, world)
    for name, value in losses.probe_sex(model).items():
        probed[f"probe/align/sex/{name}"] = value
    train_finetune(model, folder, rank, world)
    metrics = evaluate(model, "val") | probed
    metrics["score"] = 0.3 * metrics["val/age/rmse"] + 0.7 * metrics["val/p_factor/nrmse"]
    if rank == 0:
        save_file(model.state_dict(), folder / "weights.safetensors")
        shown = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        (folder / "metrics.json").write_text(json.dumps(shown, indent=1))


if __name__ == "__main__":
    main()
