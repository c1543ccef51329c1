"""Resuming a run: its saved state is found, fitted to the plan and given back to what trains.

`run.py:train` asks `run_to_resume` for the folder and `plan_change.py` whether the plan may be another one now; then
it reads the state (`newest_state`, `fit_state`). The loop starts from that: the parts of the run take theirs back in
`Loop.run`, those of the phase that was under way in `restore_phase`.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

from declare.contract.problem import Problem, ProblemError
from declare.ir.plan import Plan
from declare.runtime.checkpoint.manager import CheckpointManager
from declare.runtime.checkpoint.saver import damaged_problem
from declare.runtime.checkpoint.sharded_write import shard_state
from declare.runtime.checkpoint.state_tree import ORIGIN, StateTree, Tree, does_not_fit
from declare.runtime.run_folder.durable_io import brief
from declare.runtime.run_folder.folder import Run, latest
from declare.runtime.run_folder.progress import TrainProgress

_ORIGINS = ("declare", "torch", "python", "machine", "system", "device", "compile", "world_size")


class RefusedError(ProblemError):
    """A saved state does not fit the plan; the run is as it was."""


def run_to_resume(plan: Plan, folder: Path | None) -> Path:
    """Return the run in `folder`, or the newest of the plan's name; raises `ProblemError` (RES808) for none."""
    place = folder or latest(plan.name)
    return Run(place or Path("runs") / plan.name).path


def saved_progress(place: Path) -> TrainProgress:
    """Return the progress in the newest checkpoint of a run; the start if none can be read (reported later)."""
    with suppress(OSError, ValueError):
        for checkpoint in Run(place).checkpoints()[:1]:
            return TrainProgress.of(checkpoint.skeleton())
    return TrainProgress()


def newest_state(checkpoints: CheckpointManager, on_rejected: Callable[[Path, str], object]) -> Tree | None:
    """Return the state of the newest checkpoint that is whole, None if there is no checkpoint yet.

    `on_rejected` gets folder and reason of each damaged one. Raises `ProblemError` (RES807) if all are damaged.
    """
    tree, rejected = checkpoints.newest()
    for path, reason in rejected:
        on_rejected(path, reason)
    if tree is None and rejected:
        raise ProblemError(damaged_problem(*rejected[-1]))
    return tree


def fit_state(tree: Tree, graph: nn.Module, plan: Plan) -> Tree:
    """Return a saved state as the plan takes it: a phase that has become longer since is open again.

    Compares with what the checkpoint itself holds, so that it makes no difference when the plan was adopted. Raises
    `RefusedError` (RES806) if the saved weights are not those of `graph`.
    """
    if not {"model", "course", ORIGIN} <= tree.keys():
        return tree  # what is missing is refused by name when it is restored
    _require_fit(graph, tree)
    before = tree[ORIGIN].get("phase_steps")
    try:
        progress = TrainProgress.of(tree)
        phase = plan.phases[progress.index]
    except (ValueError, IndexError) as error:
        raise ProblemError(does_not_fit("course", error)) from error
    if before is None or phase.steps <= before or not progress.finished:
        return tree
    probes = {name: item for name, item in progress.probes.items() if name != phase.name}
    return {**tree, "course": {**tree["course"], "finished": False, "probes": probes}}


def machine_changes(tree: Tree, origin: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Yield (name, before, now) of what a state was computed with and is another now: the last bits may differ."""
    before = tree.get(ORIGIN, {})
    for name in _ORIGINS:
        if name in before and before[name] != origin[name]:
            yield name, before[name], origin[name]


def restore_phase(
    state_tree: StateTree, tree: Tree, graph: nn.Module, optimizer: torch.optim.Optimizer
) -> None:
    """Load the saved state into the parts of the phase that it was saved in, in each process its shards.

    Raises `ProblemError` (RES806, RES809) if a part does not fit its state, or has none.
    """
    state_tree.restore(shard_state(tree, graph, optimizer))


def _require_fit(graph: nn.Module, tree: Tree) -> None:
    old = {name: list(tensor.shape) for name, tensor in tree["model"].items()}
    new = {name: list(tensor.shape) for name, tensor in graph.state_dict().items()}
    names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    if names:
        raise RefusedError(_other_model(names, old, new))


def _other_model(names: list[str], old: dict[str, Any], new: dict[str, Any]) -> Problem:
    notes = [
        f"`{name}` was {old.get(name, 'absent')}, is now {new.get(name, 'absent')}" for name in names[:8]
    ]
    if len(names) > len(notes):
        notes.append(f"and {len(names) - len(notes)} more")
    return Problem(
        "RES806",
        f"the run cannot be continued: its model has changed in `{brief(names[0], 30)}`",
        notes=tuple(notes),
        helps=("train a new run from its weights: `init: [{from: run:PATH, strict: false}]`",),
    )
