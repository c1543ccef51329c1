"""An augment must change something in at least one dataset of its phase."""

from collections.abc import Iterator

from declare.contract.kinds.augment import Augment
from declare.contract.problem import Problem
from declare.rules.queries.fields import augment_roles
from declare.rules.spec_parts import is_unreadable, phase_datasets, phase_tasks, phases, tasks
from declare.rules.spec_view import View

CODE = "LOS415"
STAGE = "phases"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each augment that no dataset of its phase supports, or whose changes no task sees."""
    for phase in phases(view):
        if phase.name not in view.phases or is_unreadable(phase.block, "augment"):
            continue
        trained = list(phase_tasks(view, phase.block) or {})
        for index, augment in enumerate(phase.block.augment):
            refusals = [
                list(augment.check_fields(*augment_roles(view, dataset, trained)))
                for dataset in phase_datasets(view, phase.block)
            ]
            at = f"{phase.path}.augment.{index}"
            if refusals and all(refusals):
                yield refusals[0][0].with_prefix(at)
            elif trained and all(task.block.masks_inputs for task in tasks(view) if task.name in trained):
                yield _unseen(augment, at)


def _unseen(augment: Augment, at: str) -> Problem:
    """Return the problem that all tasks of the phase use their own view of samples."""
    return Problem(
        CODE,
        f"`{augment.type_name()}` changes nothing that a task of the phase sees",
        at=at,
        label="all of them mask parts",
        notes=("a task that masks parts of a sample keeps its view and target unchanged",),
        helps=("remove it, or change samples with `transforms` of the dataset",),
    )
