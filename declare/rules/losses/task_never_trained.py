"""A task that no phase trains, or only with weight 0, has no effect."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.spec_parts import get, phase_tasks, phases, tasks, trained_blocks
from declare.rules.spec_view import View

CODE = "LOS411"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each task that no phase gives a weight above 0."""
    trained = {phase.name: phase_tasks(view, phase.block) for phase in phases(view)}
    whole = set(get(view.spec, "phases") or {}) == set(trained)
    blocks = [trained_blocks(view, phase.block) for phase in phases(view)]
    if not trained or not whole or any(by_task is None for by_task in blocks):
        return
    probed = {get(probe, "task") for phase in phases(view) for probe in get(phase.block, "probes") or ()}
    for task in tasks(view):
        weights = {
            phase: by_task[task.name]
            for phase, by_task in trained.items()
            if by_task and task.name in by_task
        }
        if task.name in probed or any(weight > 0 for weight in weights.values()):
            continue
        if weights:
            yield Problem(
                CODE,
                f"task `{task.name}` has weight 0 in every phase that names it",
                at=f"{task.path}.weight" if task.block.weight == 0 else task.path,
                on="value" if task.block.weight == 0 else "key",
                label="never adds to the loss",
                also={f"phases.{phase}.tasks": f"weight 0 in `{phase}`" for phase in list(weights)[:2]},
                helps=("give it a weight above 0, or remove the task",),
            )
        else:
            yield Problem(
                CODE,
                f"task `{task.name}` is trained in none of the {len(trained)} phases",
                at=task.path,
                on="key",
                label="no phase names this task",
                also={f"phases.{phase}.tasks": f"`{phase}` does not train it" for phase in list(trained)[:2]},
                helps=(f"add `{task.name}` to the `tasks` of a phase, or remove the task",),
            )
