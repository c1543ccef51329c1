"""The augments of a phase, made for the fields of each of its datasets."""

from collections.abc import Mapping
from dataclasses import replace

from torch import nn

from declare.contract.problem import ProblemError
from declare.contract.shapes import Shape
from declare.ir.plan import PhasePlan, Plan
from declare.parsing.read_component import read_component

Shapes = Mapping[str, Shape]


def make_augments(plan: Plan, phase: PhasePlan) -> dict[str, list[nn.Module]]:
    """Return the augments of each dataset, in order; a dataset that an augment cannot change goes without it.

    Raises `ProblemError` for an augment that changes nothing in any dataset of the phase.
    """
    augments: dict[str, list[nn.Module]] = {}
    for index, block in enumerate(phase.augment):
        augment = read_component("augments", block)
        problems_by_dataset = []
        for dataset in phase.datasets:
            inputs, targets = roles(plan, phase, dataset)
            if problems := list(augment.check_fields(inputs, targets)):
                problems_by_dataset += problems
            else:
                augments.setdefault(dataset, []).append(augment.build(inputs, targets))
        if len(problems_by_dataset) >= len(phase.datasets):
            raise ProblemError(replace(problems_by_dataset[0], at=f"phases.{phase.name}.augment.{index}"))
    return augments


def roles(plan: Plan, phase: PhasePlan, dataset: str) -> tuple[Shapes, Shapes]:
    """Return the shapes of the fields that the model reads, and of those that are targets or masks."""
    fields = plan.datasets[dataset].fields
    tasks = [plan.tasks[name] for name in phase.tasks if dataset in plan.tasks[name].datasets]
    target_names = {name for task in tasks for name in (task.target_field, task.mask) if name}
    input_names = {
        wire.name
        for node in plan.nodes
        if dataset in node.datasets
        for wire in node.wires_of(dataset)
        if wire.source == "field"
    }
    return (
        {name: field.shape for name, field in fields.items() if name in input_names},
        {name: field.shape for name, field in fields.items() if name in target_names},
    )
