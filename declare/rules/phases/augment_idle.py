"""An augment must find something to change in at least one dataset of its phase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.rules.parts import failed, given, phase_datasets, phase_tasks, phases
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
                list(augment.check_fields(*_roles(view, dataset, trained)))
                for dataset in phase_datasets(view, phase.block)
            ]
            if refusals and all(refusals):
                yield refusals[0][0].under(f"{phase.path}.augment.{index}")


def _roles(view: View, dataset: str, tasks: list[str]) -> tuple[Mapping[str, Shape], Mapping[str, Shape]]:
    """Return the shapes of the fields that the model reads, and of those that are targets or masks."""
    read = {
        wire.name
        for node in view.nodes.values()
        if dataset in node.datasets
        for wire in node.wires_of(dataset)
        if wire.source == "field"
    }
    aimed = {given(view.spec, "tasks", task, part) for task in tasks for part in ("target", "mask")}
    shapes = view.shapes[dataset]
    return (
        {name: shape for name, shape in shapes.items() if name in read},
        {name: shape for name, shape in shapes.items() if name in aimed},
    )
