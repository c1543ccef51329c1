"""An augment must find something to change in at least one dataset of its phase."""

from __future__ import annotations

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.fields import augment_roles
from declare.rules.parts import failed, phase_datasets, phase_tasks, phases
from declare.rules.view import View

CODE = "LOS415"
STAGE = "phases"


def check(view: View) -> Iterator[Problem]:
    """Yield each augment that every dataset of its phase refuses."""
    for phase in phases(view):
        if phase.name not in view.phases or failed(phase.block, "augment"):
            continue
        trained = list(phase_tasks(view, phase.block) or {})
        for index, augment in enumerate(phase.block.augment):
            refusals = [
                list(augment.check_fields(*augment_roles(view, dataset, trained)))
                for dataset in phase_datasets(view, phase.block)
            ]
            if refusals and all(refusals):
                yield refusals[0][0].under(f"{phase.path}.augment.{index}")
