"""Another plan for a resumed run: whether the run can continue with it, and what is kept of the old one."""

import shutil
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from declare.contract import strict_json
from declare.contract.problem import ProblemError
from declare.ir.plan import Plan
from declare.runtime.resume.data_diff import judge_data_changes
from declare.runtime.resume.plan_diff import Change, Standing, plan_changes, refusal_problem
from declare.runtime.run_folder.durable_io import fsync_folder, translate_os_errors, write_durably
from declare.runtime.run_folder.folder import FINAL, PLAN, SPEC, Run, plan_content, read_progress
from declare.runtime.run_folder.manifest import damage
from declare.runtime.setup.auto import CHOICES_FILE, read_choices


class Revision(NamedTuple):
    """Another spec for a run, and what it changes in the plan."""

    spec_text: str
    changes: Sequence[Change]


def check_changes(run: Run, plan: Plan, *, allow: bool) -> list[Change]:
    """Return what `plan` changes in a run; raises `ProblemError` (RES806) for what is not allowed, or cannot work."""
    changes = plan_changes(run.plan, plan)
    if not changes:
        return []
    changes = judge_data_changes(run.path, plan, plan_changes(run.plan, plan, _run_state(run, plan)))
    exact = "exact" in {plan.hardware.determinism, run.plan.hardware.determinism}
    stop = {"impossible"} if allow else {"impossible", "allowed", *(["rounding"] if exact else [])}
    # Another version of the program is not the user's request: it is reported, never refused.
    reasons = [change for change in changes if change.verdict in stop and change.path != "declare"]
    if reasons:
        versions = next(((str(item.old), str(item.new)) for item in changes if item.path == "declare"), None)
        raise ProblemError(refusal_problem(reasons, versions))
    return changes


def _run_state(run: Run, plan: Plan) -> Standing | None:
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


def is_other_run(changes: Sequence[Change]) -> bool:
    """Whether the changes make it another run from here on, so that a finished one is not done."""
    return any(change.verdict == "allowed" for change in changes)


def adopt_plan(place: Path, plan: Plan, revision: Revision) -> None:
    """Make `plan` the plan of the run; if that is another run the old one stays as `plan-1.json` and so on.

    A process that dies in here leaves a folder that continues with the new plan or asks for it once more.
    """
    with translate_os_errors(place):
        if is_other_run(revision.changes):
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
