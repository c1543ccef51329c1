"""Code that a run folder names: nothing of it runs unless the user of this process allows it."""

from collections.abc import Collection, Iterator
from typing import Any

from declare.contract.problem import ProblemError
from declare.ir.plan import Plan
from declare.parsing import parser
from declare.system import secrets, trust


def require(plan: Plan, granted: Collection[str]) -> None:
    """Grant the files in `granted`; raise `ProblemError` (REF242) for a component that may not run its code.

    A plan that was compiled in this process has passed the same check; one that comes out of a folder has
    not.
    """
    trust.grant(granted)
    problems = [
        problem
        for kind, block in _blocks(plan)
        for problem in parser.read(kind, secrets.reveal(block), trust=granted)[1]
        if problem.code == "REF242"
    ]
    if problems:
        raise ProblemError(problems[0], *problems[1:])


def _blocks(plan: Plan) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every component of the plan with its kind."""
    for dataset in plan.datasets.values():
        yield "sources", dataset.source
        yield from (("fields", field.block) for field in dataset.fields.values())
        yield from (("transforms", block) for block in dataset.transforms)
    for node in plan.nodes:
        yield "heads" if node.role == "head" else "modules", node.block
    for task in plan.tasks.values():
        yield "tasks", task.block
        yield from (("losses", loss.block) for loss in task.losses)
        yield from (("metrics", metric.block) for metric in task.metrics)
    for phase in plan.phases:
        yield "optimizers", phase.optimizer
        yield "schedules", phase.schedule
        yield "samplers", phase.sampler
        yield "balances", phase.balance
        yield from (("regularizers", block) for block in phase.regularizers)
        yield from (("augments", block) for block in phase.augment)
        yield from (("probes", probe.block) for probe in phase.probes)
    yield from (("trackers", block) for block in plan.tracking)
