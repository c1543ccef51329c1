"""The plan of a rehearsal: a few steps of each phase on a few samples of each split, everything else as planned."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from declare.contract.duration import Duration
from declare.contract.shapes import Array
from declare.data.store.split_arrays import Pool
from declare.ir.lr_schedule import LRSchedule
from declare.ir.plan import DatasetPlan, FreezePlan, PhasePlan, Plan
from declare.parsing.read_component import read_component

MIN_SAMPLES = 64
"""Samples of each split, where it has as many; training splits have two batches at least."""
_STAGE_STEPS = 2
_MIN_STEPS = 4
_OF_EACH_CLASS = 2
_MOST_CLASSES = 1000


def shorten(plan: Plan) -> Plan:
    """Return the plan of a rehearsal, for one process; reads the columns that have classes.

    Trackers, bounds of `expect` and searches are left out: they are about the results of a whole run.
    """
    batch_rows = {
        name: max((phase.rows.get(name, 0) for phase in plan.phases), default=0) for name in plan.datasets
    }
    datasets = {
        name: _shorten_dataset(dataset, f"datasets.{name}", 2 * batch_rows[name])
        for name, dataset in plan.datasets.items()
    }
    phases = tuple(_shorten_phase(phase, plan, datasets) for phase in plan.phases)
    hardware = plan.hardware.model_copy(update={"devices": 1, "nodes": 1, "strategy": "auto"})
    left_out: dict[str, Any] = {"tracking": (), "expect": {}, "tune": None}
    short = plan.model_copy(update={"datasets": datasets, "phases": phases, "hardware": hardware, **left_out})
    return Plan.model_validate_json(short.model_dump_json())


def _shorten_dataset(dataset: DatasetPlan, path: str, num_training: int) -> DatasetPlan:
    pool = Pool(dataset, path)
    positions = {
        split: _choose(pool, rows, max(MIN_SAMPLES, num_training if split == "train" else 0))
        for split, rows in pool.rows_by_split.items()
    }
    split = dataset.split | {"positions": {name: chosen.tolist() for name, chosen in positions.items()}}
    sizes = {name: len(chosen) for name, chosen in positions.items()}
    return dataset.model_copy(update={"split": split, "splits": dataset.splits | sizes, "cache": "none"})


def _choose(pool: Pool, rows: Array, number: int) -> Array:
    """Return which samples of a split to take, in order: a random few, with some of each class."""
    order = np.random.default_rng(int(pool.plan.split["seed"])).permutation(len(rows))
    chosen = [order[:number]]
    if len(rows) > number:
        for name, field in pool.plan.fields.items():
            if field.facts.classes and pool.is_light(name):
                chosen.append(_some_of_each(pool.encoded_values(name, rows[order]), order))
    return np.unique(np.concatenate(chosen))


def _some_of_each(values: Array, order: Array) -> Array:
    """Return a few samples of each class of `values` [N] or of each label of `values` [N, labels]."""
    if values.ndim > 2:
        return order[:0]
    columns = [values] if values.ndim == 1 else list(values.T)
    return np.concatenate([order[:0], *(order[_few_of_each(column)] for column in columns)])


def _few_of_each(column: Array) -> Array:
    """Return the positions of the first few of each value in `column` [N]."""
    _, groups, counts = np.unique(column, return_inverse=True, return_counts=True)
    by_group, counts = np.argsort(groups, kind="stable"), counts[:_MOST_CLASSES]
    starts = np.cumsum(counts) - counts
    positions: Array = np.concatenate(
        [by_group[starts[counts > number] + number] for number in range(_OF_EACH_CLASS)]
    )
    return positions


def _shorten_phase(phase: PhasePlan, plan: Plan, datasets: dict[str, DatasetPlan]) -> PhasePlan:
    """Return a phase with two steps for each of its stages: warm-up, frozen parts, sizes of images."""
    changes = _stage_ends(phase)
    stages = max(len(changes) + 1, len(phase.datasets) if phase.alternate else 1)
    steps = min(phase.steps, max(_MIN_STEPS, _STAGE_STEPS * stages))

    def at(step: int) -> int:
        if step in changes:
            return min(_STAGE_STEPS * (changes.index(step) + 1), steps - 1)
        return steps if step >= phase.steps else max(1, round(step * steps / phase.steps))

    samples = sum(datasets[name].splits["train"] for name in phase.datasets)
    per_epoch = max(1, math.ceil(samples / phase.batch_size))
    update: dict[str, Any] = {
        "steps": steps,
        "steps_per_epoch": per_epoch,
        "epochs": steps / per_epoch,
        "accumulate": phase.accumulate * _num_processes(plan),
        "warmup_steps": at(phase.warmup_steps) if phase.warmup_steps else 0,
        "freeze": tuple(_shorten_freeze(item, at) for item in phase.freeze),
        "evaluate_every": _short_interval(phase.evaluate_every, phase, steps),
        "checkpoint_every": _short_interval(phase.checkpoint_every, phase, steps),
        "gradients_every": min(phase.gradients_every, 1),
        "schedule": _shorten_block("schedules", phase.schedule, at),
        "sampler": _shorten_block("samplers", phase.sampler, at),
        "samplers": {name: _shorten_block("samplers", block, at) for name, block in phase.samplers.items()},
        "balance": _shorten_block("balances", phase.balance, at),
    }
    if phase.scales is not None:
        update["scales"] = phase.scales.model_copy(update={"ends": tuple(map(at, phase.scales.ends))})
    if phase.early_stop is not None:
        update["early_stop"] = phase.early_stop.model_copy(update={"patience_steps": steps})
    short = phase.model_copy(update=update)
    return short.model_copy(update={"rates": LRSchedule(short).planned_lr()})


def _num_processes(plan: Plan) -> int:
    """Return the number of processes whose micro-batches one process makes; `exact` counts those of all already."""
    return 1 if plan.hardware.determinism == "exact" else plan.hardware.processes or 1


def _stage_ends(phase: PhasePlan) -> list[int]:
    """Return the steps inside a phase at which something changes, in order."""
    ends = [phase.warmup_steps, *(item.until_step or 0 for item in phase.freeze)]
    ends += phase.scales.ends if phase.scales is not None else ()
    return sorted({step for step in ends if 0 < step < phase.steps})


def _shorten_freeze(freeze: FreezePlan, at: Callable[[int], int]) -> FreezePlan:
    until = freeze.until_step
    return freeze if until is None else freeze.model_copy(update={"until_step": at(until)})


def _short_interval(interval: int, phase: PhasePlan, steps: int) -> int:
    """Return a cadence: twice in the phase if it comes within it, else as rarely as planned."""
    return interval if interval <= 0 else max(1, steps // 2) if interval < phase.steps else steps


def _shorten_block(kind: str, block: dict[str, Any], at: Callable[[int], int]) -> dict[str, Any]:
    """Return a component's block with its durations in steps shortened."""
    component = read_component(kind, block)
    durations = {name: getattr(component, name) for name in type(component).model_fields}
    update = {
        name: Duration(float(at(int(item.value))), "steps")
        for name, item in durations.items()
        if isinstance(item, Duration) and item.unit == "steps"
    }
    return component.model_copy(update=update).dump() if update else block
