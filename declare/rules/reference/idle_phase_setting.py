"""Idle settings of phases."""

from __future__ import annotations

from collections.abc import Iterator

from declare.contract.component import Component
from declare.contract.problem import Problem
from declare.language.spec import Phase
from declare.rules.idle_setting import Idle
from declare.rules.parts import Placed, given, losses, phase_datasets, phase_tasks, phases, tasks
from declare.rules.view import View

CODE = "REF203"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield each setting that changes nothing."""
    for found in _idle(view):
        yield found.problem(CODE)


def _idle(view: View) -> Iterator[Idle]:
    """Yield what a phase states in vain."""
    for phase in phases(view):
        yield from _mix(view, phase)
        yield from _twice(view, phase)


def _mix(view: View, phase: Placed[Phase]) -> Iterator[Idle]:
    names = phase_datasets(view, phase.block)
    path = f"{phase.path}.mix"
    if given(phase.block, "mix") is None:
        return
    if len(names) == 1:
        yield Idle(
            path,
            f"`mix` of phase `{phase.name}`",
            f"it trains on `{names[0]}` alone",
            "one dataset cannot be mixed",
            also={f"datasets.{names[0]}": "the only dataset of the phase"},
        )
    elif isinstance(given(phase.block, "batch_size"), dict):
        yield Idle(
            path,
            f"`mix` of phase `{phase.name}`",
            "`batch_size` states the rows of each dataset",
            "the shares are stated already",
            also={f"{phase.path}.batch_size": "rows by dataset"},
        )


def _twice(view: View, phase: Placed[Phase]) -> Iterator[Idle]:
    """Yield balanced class weights where a balanced sampler shows the classes equally often already."""
    sampler = given(phase.block, "sampler")
    if not isinstance(sampler, Component) or sampler.type_name() != "balanced":
        return
    trained = phase_tasks(view, phase.block) or {}
    for task in tasks(view):
        if task.name not in trained or given(task.block, "target") != given(sampler, "field"):
            continue
        for loss in losses(task):
            if given(loss.block, "class_weights_") == "balanced":
                yield Idle(
                    f"{loss.path}.class_weights",
                    "`class_weights: balanced`",
                    f"the sampler of `{phase.name}` balances them already",
                    "rare classes would count twice",
                    also={f"{phase.path}.sampler": "shows every class equally often"},
                    helps=("keep one: the sampler or the class weights",),
                    removable=False,
                )
