"""Going on with a search: what it keeps of itself, and what may have changed since."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from declare.compiler.pipeline import CheckedSpec
from declare.contract.problem import Problem, ProblemError
from declare.ir.plan import Plan
from declare.runtime.resume.plan_diff import Change, plan_changes
from declare.runtime.run_folder.durable_io import brief, translate_os_errors
from declare.tune.search import PLAN, RECORD, Search

_SAME = ("metric", "mode", "space")
"""What makes trials comparable; how many there are and how they are run may change."""
_SHOWN = 8


def resume_search(search: Search, checked: CheckedSpec, on_change: Callable[[Change], None]) -> Search:
    """Return the search in its folder, with its original number of trials unless another is stated.

    `on_change` gets changes that no trial depends on. Raises `ProblemError` (RES808, RES806) if it cannot continue.
    """
    assert checked.plan is not None
    before, record = _read(search.folder)
    refused = [*_of_search(before, checked.plan)]
    without = {"tune": None}
    for change in plan_changes(before.model_copy(update=without), checked.plan.model_copy(update=without)):
        if change.verdict in {"harmless", "rounding"} and not _exact(change, before, checked.plan):
            on_change(change)
        else:
            refused.append(change)
    if refused:
        raise ProblemError(_refusal(refused))
    stated = (checked.plan.tune or {})["trials"]
    trials = search.trials
    if trials is None and record.get("stated") == stated:
        trials = record.get("trials")
    search = replace(search, spec=search.spec.absolute(), trials=trials)
    with translate_os_errors(search.folder):
        search.write(stated)
    return search


def _read(folder: Path) -> tuple[Plan, dict[str, Any]]:
    try:
        return Plan.model_validate_json((folder / PLAN).read_bytes()), _record(folder)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else f"its `{PLAN}` or `{RECORD}` is damaged"
        raise ProblemError(
            Problem(
                "RES808",
                f"`{brief(folder)}` is not a readable search",
                notes=(f"`{folder}`: {reason}",),
                helps=("name the folder that `dcl tune` printed",),
            )
        ) from None


def _record(folder: Path) -> dict[str, Any]:
    record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    return record if isinstance(record, dict) else {}


def _of_search(before: Plan, now: Plan) -> list[Change]:
    old, new = before.tune or {}, now.tune or {}
    pairs = ((key, old.get(key), new.get(key)) for key in _SAME)
    return [Change(f"tune.{key}", left, right) for key, left, right in pairs if left != right]


def _exact(change: Change, before: Plan, now: Plan) -> bool:
    """Return whether rounding matters and this changes it; another version of the program is only reported."""
    exact = "exact" in {before.hardware.determinism, now.hardware.determinism}
    return exact and change.verdict == "rounding" and change.path not in {"declare", "format"}


def _refusal(changes: Sequence[Change]) -> Problem:
    shown = changes[:_SHOWN]
    records = (change.record() for change in shown)
    notes = [f"`{item['path']}` was {item['old']}, is now {item['new']}" for item in records]
    if len(changes) > len(shown):
        notes.append(f"and {len(changes) - len(shown)} more")
    at = shown[0].path if shown[0].path.startswith("tune.") else ""
    return Problem(
        "RES806",
        f"the search cannot be continued: its spec has changed in `{brief(shown[0].path, 30)}`",
        at=at,
        label="changed since" if at else "",
        notes=(*notes, "trials of another spec could not be compared with those that are there"),
        helps=("undo the change, `--set` included", "or start a new search in another folder"),
    )
