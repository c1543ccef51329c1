"""A balanced sampler balances the classes; balanced class weights then count rare ones twice."""

from collections.abc import Iterator

from declare.contract.kinds.loss import Loss
from declare.contract.kinds.sampler import Sampler
from declare.contract.problem import Problem, Rewrite
from declare.language.spec import Phase
from declare.rules.spec_parts import LocatedBlock, get, losses, phase_tasks, phases, tasks
from declare.rules.spec_view import View

CODE = "LOS413"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each balanced loss of a task whose target a phase samples in balance."""
    for phase in phases(view):
        sampler = get(phase.block, "sampler")
        if not isinstance(sampler, Sampler) or not sampler.evens_classes:
            continue
        trained = phase_tasks(view, phase.block) or {}
        for task in tasks(view):
            if task.name not in trained or get(task.block, "target") != get(sampler, "field"):
                continue
            for loss in losses(task):
                weights = get(loss.block, "class_weights_")
                if isinstance(weights, str):
                    yield _problem(phase, loss, str(task.block.target))


def _problem(phase: LocatedBlock[Phase], loss: LocatedBlock[Loss], target: str) -> Problem:
    return Problem(
        CODE,
        f"phase `{phase.name}` samples `{target}` in balance, and its loss weights it too",
        at=f"{loss.path}.class_weights",
        label="rare classes count twice",
        also={f"{phase.path}.sampler": "samples every class equally often"},
        helps=("keep one: the sampler or the class weights",),
        rewrites=(Rewrite("remove `class_weights`", f"{loss.path}.class_weights", safe=False),),
    )
