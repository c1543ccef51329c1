"""Which samples belong together for a task that compares samples."""

from __future__ import annotations

from declare.contract.field import Pairing
from declare.contract.poison import holed
from declare.contract.problem import Problem
from declare.contract.task import Task
from declare.rules.parts import Placed, given, phase_tasks, phases
from declare.rules.view import View


def pairing_of(view: View, task: Placed[Task]) -> Pairing | None:
    """Return a task's pairing, also where it takes it from a sampler; None where it has none or it cannot be read."""
    trained = [phase for phase in phases(view) if task.name in (phase_tasks(view, phase.block) or {})]
    samplers = [sampler for phase in trained if (sampler := given(phase.block, "sampler")) is not None]
    if holed(task.block) or holed(samplers):
        return None
    drawn = task.block.drawn_by(samplers)
    return None if isinstance(drawn, Problem) else drawn.pairing()
