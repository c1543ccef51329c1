"""Writes the phases of a spec that grows, and what is no data, model or task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from declare.contract.kinds.task import Task
from declare.language.spec import Hardware, Phase
from declare.parsing.lookup import find
from tests.combining.linking import Block, component_slots, pairs_samples, sampler_layouts

if TYPE_CHECKING:
    from tests.combining.growing import Growth


def write_phases(growth: Growth) -> None:
    """Write one phase or two."""
    growth.spec["phases"] = {}
    for name in ("p", "q")[: 1 if growth.draw.random() < 0.75 else 2]:
        block = growth.ordinary.block(Phase, {}, share=0.12)
        for kind, key in component_slots(Phase):
            if kind in growth.forced and key not in block:
                made = growth.ordinary.component(kind)
                block[key] = [made] if key in {"augment", "regularizers", "probes"} else made
        if _needs_pairs(growth):
            pairs = [name for name in growth.ordinary.names("samplers") if pairs_samples(name)]
            block["sampler"] = _sampler(growth, growth.draw.choice(pairs))
        elif "sampler" in block:
            block["sampler"] = _sampler(growth, block["sampler"]["type"])
        block.pop("epochs", None)
        block["steps"] = growth.draw.randint(2, 4)
        if growth.draw.random() < 0.1:
            block["epochs"] = growth.draw.choice([1, 0.5, 2])
            del block["steps"]
        if not isinstance(block.get("batch_size"), dict):
            block["batch_size"] = growth.draw.choice([4, 6, 8])
        optimizer = block["optimizer"]
        optimizer["lr"] = growth.draw.choice([0.001, 0.01])
        if growth.draw.random() < 0.5:
            block["checkpoint"] = {"every": "1 steps"}
        if growth.spec["phases"] and growth.draw.random() < 0.4:
            first = next(iter(growth.spec["phases"]))
            block["init"] = [{"from": f"phase:{first}", "modules": _patterns(growth)}]
        growth.spec["phases"][name] = block


def _sampler(growth: Growth, name: str) -> Block:
    """Return a sampler; its fields hold what it takes."""
    layouts = sampler_layouts(name)
    fields = growth.pool["field"]
    growth.pool["field"] = [
        key for key, shape in growth.shapes["a"].items() if not layouts or shape.layout in layouts
    ] or fields
    made = growth.ordinary.component("samplers", name)
    growth.pool["field"] = fields
    return made


def _needs_pairs(growth: Growth) -> bool:
    """Return whether a task takes something from the sampler of its phase."""
    tasks = [find("tasks", kind) for kind, _, _ in growth.chosen.values()]
    return any(getattr(task, "drawn_by", None) is not Task.drawn_by for task in tasks)


def _patterns(growth: Growth) -> list[str]:
    """Return which modules a phase takes from another one."""
    names = [name for name in growth.spec["model"] if growth.draw.random() < 0.7]
    return names if names and growth.draw.random() < 0.5 else ["*"]


def _search(growth: Growth, losses: list[str]) -> Block:
    """Return a search that a single run knows nothing of."""
    draws = {"log": [0.001, 0.1]}, {"choices": [0.01, 0.02]}
    space = {"phases.p.optimizer.lr": growth.draw.choice(draws)}
    return {
        "metric": growth.draw.choice(losses),
        "mode": "min",
        "trials": 2,
        "sampler": "random",
        "space": space,
    }


def _losses(growth: Growth) -> list[str]:
    """Return the names of losses that evaluations report."""
    return [name for name in growth.pool.get("metric", ()) if name.endswith("/loss")]


def write_rest(growth: Growth) -> None:
    """Write what is no data, model, task or phase."""
    hardware = growth.ordinary.block(Hardware, {}, share=0.1)
    machine = {"devices", "nodes", "strategy", "accelerator", "compile"}
    hardware = {key: value for key, value in hardware.items() if key not in machine}
    few = {"accelerator": "cpu", "strategy": "single", "devices": 1, "nodes": 1, "compile": False}
    hardware |= {key: value for key, value in few.items() if growth.draw.random() < 0.1}
    if growth.draw.random() < 0.1:
        hardware["memory_limit"] = "4GB"
    if isinstance(hardware.get("workers"), int):
        hardware["workers"] = hardware["workers"] % 3
    if hardware.get("precision", "auto") == "auto":
        hardware["precision"] = "fp32"  # what `auto` times may come out otherwise in a second run
    growth.spec["hardware"] = hardware
    if (losses := _losses(growth)) and growth.draw.random() < 0.2:
        growth.spec["metrics"] = {"both": f"2 * {growth.draw.choice(losses)} + 1"}
    if losses and growth.draw.random() < 0.03:
        growth.spec["tune"] = _search(growth, losses)
    if losses and growth.draw.random() < 0.2:
        growth.spec["expect"] = {growth.draw.choice(losses): growth.draw.choice(["<= 1e9", ">= 0", "< -5"])}
    if growth.draw.random() < 0.2:
        growth.spec |= {"name": "combined", "description": "all that goes together"}
    forced = growth.forced.get("trackers")
    if forced or growth.draw.random() < 0.1:
        growth.spec["tracking"] = growth.ordinary.component("trackers", forced)
