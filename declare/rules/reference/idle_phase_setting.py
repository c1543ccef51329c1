"""Idle settings of phases."""

from __future__ import annotations

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.language.spec import Phase
from declare.rules.idle_setting import Idle
from declare.rules.parts import Placed, given, phase_datasets, phases
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
