"""The units of a head that several tasks share: those of the task that it belongs to."""

from dataclasses import replace

from declare.compiler.stages import LinkedSpec
from declare.contract.kinds.task import Target
from declare.contract.problem import Problem
from declare.rules.spec_parts import task_datasets


def inverse_mismatch(stage: LinkedSpec, task: str, owner: str) -> Problem | None:
    """Return the problem that what one head gives is taken back to the data's units in two ways."""
    names = [None, *stage.dataset_targets.get(task, {})]
    pairs = [(stage.target(task, name), stage.target(owner, name)) for name in names]
    if all(mine.undo == theirs.undo for mine, theirs in pairs):
        return None
    return Problem(
        "LOS435",
        f"tasks `{owner}` and `{task}` share a head but transform their targets in other ways",
        at=f"tasks.{task}.head",
        label="means values in other units",
        also={f"tasks.{owner}": "than for its own task"},
        helps=(f"give `{task}` its own head", "or transform both targets alike"),
    )


def in_units_of(stage: LinkedSpec, task: str, owner: str) -> LinkedSpec:
    """Return the spec with the target of a task standardised as `owner`, whose head it uses, does."""
    theirs = stage.dataset_targets.get(owner, {})
    by_dataset = stage.dataset_targets.get(task)
    if by_dataset is not None:
        # A dataset that `owner` lacks has a head for this task alone.
        by_dataset = {
            name: _as_in_model(target, theirs[name]) if name in theirs else target
            for name, target in by_dataset.items()
        }
    first = next(iter(task_datasets(stage, stage.spec.tasks[task])), "")
    target = stage.targets[task]
    target = _as_in_model(target, theirs.get(first, target) if theirs else stage.targets[owner])
    return replace(
        stage,
        targets={**stage.targets, task: target},
        dataset_targets={**stage.dataset_targets} | ({} if by_dataset is None else {task: by_dataset}),
    )


def _as_in_model(target: Target, model: Target) -> Target:
    """Return `target` with the mean and deviation of `model`, if both are standardised."""
    if target.std is None or model.std is None:
        return target
    return target.model_copy(update={"mean": model.mean, "std": model.std})
