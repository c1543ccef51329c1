"""Whether the files of a run's datasets are still what they were when it began."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from declare.contract.problem import ProblemError
from declare.data.faults.file_stamps import Ledger
from declare.ir.plan import Plan
from declare.runtime.resume.plan_diff import Change

_SHOWN = 5


def judge_data_changes(place: Path, plan: Plan, changes: Sequence[Change]) -> list[Change]:
    """Return the changes of a plan, those of data with the files that differ; files of equal content do no harm."""
    ledger = Ledger(place)
    return [_judge_change(ledger, plan, change) for change in changes]


def _judge_change(ledger: Ledger, plan: Plan, change: Change) -> Change:
    parts = change.path.split(".")
    if parts[0] != "datasets" or parts[2:] != ["fingerprint"] or parts[1] not in plan.datasets:
        return change
    try:
        differences = ledger.differences(parts[1], plan.datasets[parts[1]])
    except ProblemError:  # the plan was made of them a moment ago
        return change
    if differences is None:
        return change
    if not differences:
        return replace(change, verdict="harmless", why="its files were touched, their content is the same")
    more = [f"and {len(differences) - _SHOWN} more"] if len(differences) > _SHOWN else []
    return replace(change, why="; ".join([*differences[:_SHOWN], *more]))
