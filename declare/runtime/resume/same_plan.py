"""Whether all processes of a group have the same plan; separate machines may have separate files."""

from declare.contract.problem import Problem, ProblemError
from declare.ir.plan import Plan
from declare.nn.distributed.process_group import ProcessGroup
from declare.runtime.resume.plan_diff import Change, plan_changes
from declare.runtime.run_folder.durable_io import brief

_SHOWN = 8


def require_one_plan(plan: Plan, world: ProcessGroup) -> None:
    """Raise `ProblemError` (HW716) in all processes if one has another plan than the leading one."""
    marks = world.all_gather_object(plan.sha256)
    other_rank = next((rank for rank, mark in enumerate(marks) if mark != marks[0]), None)
    if other_rank is None:
        return
    plans = world.all_gather_object(plan.model_dump_json() if world.rank in {0, other_rank} else "")
    left, right = (Plan.model_validate_json(plans[rank]) for rank in (0, other_rank))
    changes = plan_changes(left, right)
    place = f" in `{brief(changes[0].path, 30)}`" if changes else ""
    raise ProblemError(
        Problem(
            "HW716",
            f"process {other_rank} was given another plan than process 0{place}",
            notes=tuple(_note(change, other_rank) for change in changes[:_SHOWN]),
            helps=("start every machine with the same spec, the same options and the same data",),
        )
    )


def _note(change: Change, other_rank: int) -> str:
    values = change.record()
    return f"`{change.path}` is {values['old']} in process 0, {values['new']} in process {other_rank}"
