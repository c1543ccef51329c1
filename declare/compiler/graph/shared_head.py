"""The units of a head that several tasks share: those of the task that it belongs to."""

from __future__ import annotations

from declare.compiler.state import State
from declare.contract.kinds.task import Target
from declare.contract.problem import Problem
from declare.rules.spec_parts import task_datasets


def inverse_mismatch(state: State, task: str, owner: str) -> Problem | None:
    """Return the problem that what one head gives is taken back to the data's units in two ways."""
    names = [None, *state.own_targets.get(task, {})]
    pairs = [(state.target(task, name), state.target(owner, name)) for name in names]
    if all(mine.undo == theirs.undo for mine, theirs in pairs):
        return None
    return Problem(
        "LOS435",
        f"tasks `{owner}` and `{task}` share a head but transform their targets in other ways",
        at=f"tasks.{task}.head",
        label="means values in other units",
        also={f"tasks.{owner}": "than for its own task"},
        helps=(f"give `{task}` a head of its own", "or transform both targets alike"),
    )


def in_units_of(state: State, task: str, owner: str) -> None:
    """Let a task that uses the head of `owner` standardise its target as `owner` does."""
    theirs = state.own_targets.get(owner, {})
    own = state.own_targets.get(task, {})
    for dataset, target in own.items():
        # A dataset that `owner` lacks has a head for this task alone.
        if dataset in theirs:
            own[dataset] = _like(target, theirs[dataset])
    first = next(iter(task_datasets(state.view, state.spec.tasks[task])), "")
    if theirs:
        state.targets[task] = _like(state.targets[task], theirs.get(first, state.targets[task]))
    else:
        state.targets[task] = _like(state.targets[task], state.targets[owner])


def _like(target: Target, model: Target) -> Target:
    """Return `target` with the mean and deviation of `model`, where both are standardised."""
    if target.std is None or model.std is None:
        return target
    return target.model_copy(update={"mean": model.mean, "std": model.std})
