"""Continuing a run with another plan: whether it can be, what is kept of the old one, what the state forgets."""

import shutil
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from declare.contract import strict_json
from declare.contract.problem import Problem, ProblemError
from declare.ir.plan import Plan
from declare.runtime.checkpoint.state_tree import ORIGIN, Tree, does_not_fit
from declare.runtime.resume.data_diff import judge_data_changes
from declare.runtime.resume.plan_diff import Change, Standing, plan_changes, refusal_problem
from declare.runtime.run_folder.durable_io import brief, fsync_folder, translate_os_errors, write_durably
from declare.runtime.run_folder.folder import FINAL, PLAN, SPEC, Run, plan_content, read_progress
from declare.runtime.run_folder.manifest import damage
from declare.runtime.run_folder.progress import TrainProgress
from declare.runtime.setup.auto import CHOICES_FILE, read_choices

_ORIGINS = ("declare", "torch", "python", "machine", "system", "device", "compile", "world_size")


class RefusedError(ProblemError):
    """A saved state does not fit the plan; the run is as it was."""


class Revision(NamedTuple):
    """Another spec for a run, and what it changes in the plan."""

    spec_text: str
    changes: Sequence[Change]


def examine(run: Run, plan: Plan, *, allow: bool) -> list[Change]:
    """Return what `plan` changes in a run; raises `ProblemError` (RES806) for what is not allowed, or cannot work."""
    changes = plan_changes(run.plan, plan)
    if not changes:
        return []
    changes = judge_data_changes(run.path, plan, plan_changes(run.plan, plan, _standing(run, plan)))
    exact = "exact" in {plan.hardware.determinism, run.plan.hardware.determinism}
    stop = {"impossible"} if allow else {"impossible", "allowed", *(["rounding"] if exact else [])}
    # Another version of the program is no wish of the user's: said, never refused.
    reasons = [change for change in changes if change.verdict in stop and change.path != "declare"]
    if reasons:
        versions = next(((str(item.old), str(item.new)) for item in changes if item.path == "declare"), None)
        raise ProblemError(refusal_problem(reasons, versions))
    return changes


def _standing(run: Run, plan: Plan) -> Standing | None:
    for checkpoint in run.checkpoints():
        if damage(checkpoint) is None:
            progress = read_progress(checkpoint)
            longer = any(
                phase.name == progress.phase and phase.steps > progress.step for phase in plan.phases
            )
            num_over = progress.index + int(progress.finished and not longer)
            names = tuple(phase.name for phase in run.plan.phases[:num_over])
            return Standing(progress.index, progress.phase, progress.step, names)
    return None


def goes_on(changes: Sequence[Change]) -> bool:
    """Whether the changes make it another run from here on, so that a finished one is not done."""
    return any(change.verdict == "allowed" for change in changes)


def adopt(place: Path, plan: Plan, revision: Revision) -> None:
    """Make `plan` the plan of the run; where that is another run the old one stays as `plan-1.json` and so on.

    A process that dies in here leaves a folder that goes on with the new plan or asks for it once more.
    """
    with translate_os_errors(place):
        if goes_on(revision.changes):
            number = next(number for number in count(1) if not (place / f"plan-{number}.json").exists())
            write_durably(place / f"plan-{number}.json", (place / PLAN).read_bytes())
            if (place / SPEC).is_file():
                write_durably(place / f"spec-{number}.yaml", (place / SPEC).read_bytes())
            write_durably(place / SPEC, revision.spec_text.encode())
            if (place / FINAL).exists():
                shutil.move(place / FINAL, place / f"metrics-{number}.json")
                fsync_folder(place)
            _forget_choices(place / CHOICES_FILE, revision.changes)
        write_durably(place / PLAN, plan_content(plan))


def _forget_choices(path: Path, changes: Sequence[Change]) -> None:
    """Remove the stored choices of a phase whose precision was changed."""
    changed_names = {
        f"precision.{change.path.split('.')[1]}" for change in changes if change.path.endswith(".precision")
    }
    if changed_names and path.exists():
        choices = read_choices(path.parent)
        remaining = {name: value for name, value in choices.items() if name not in changed_names}
        write_durably(path, strict_json.dumps(remaining, indent=1).encode())


def fit_state(tree: Tree, graph: nn.Module, plan: Plan) -> Tree:
    """Return a saved state as the plan takes it: a phase that has become longer since is open again.

    Compares with what the checkpoint itself says, so that it makes no difference when the plan was adopted. Raises
    `RefusedError` (RES806) where the saved weights are not those of `graph`.
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
