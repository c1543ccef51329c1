"""What changed between the plan of a run and the plan that it is asked to continue with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from declare.contract.problem import Problem
from declare.ir.plan import Plan
from declare.runtime.storage import brief

_HARMLESS = re.compile(
    r"declare|description|spec_sha256|tune|trusted|expect(\..*)?|tracking(\..*)?"
    r"|hardware\.(workers|memory_limit_bytes)"
    r"|datasets\.[^.]+\.cache"
    r"|phases\.[^.]+\.(keep_checkpoints|checkpoint_every|memory_bytes|rates)(\..*)?"
)
"""Paths of the plan that no weight depends on."""


def changed(before: Plan, now: Plan) -> list[tuple[str, Any, Any]]:
    """Return (path, old, new) of every difference that makes it another run."""
    old, new = _tree(before), _tree(now)
    return [item for item in _differences(old, new, "") if not _HARMLESS.fullmatch(item[0])]


def _tree(plan: Plan) -> dict[str, Any]:
    tree = plan.model_dump(mode="json")
    # Phases by name, so that paths read as in the spec; their order is compared on its own.
    tree["phases"] = {phase["name"]: phase for phase in tree["phases"]} | {"order": list(tree["phases"])}
    tree["phases"]["order"] = [phase.name for phase in plan.phases]
    return tree


def _differences(old: Any, new: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            yield from _differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (left, right) in enumerate(zip(old, new, strict=True)):
            yield from _differences(left, right, f"{path}.{index}")
    elif old != new:
        yield path, old, new


def refusal(differences: list[tuple[str, Any, Any]]) -> Problem:
    """Return the finding that a run cannot be continued with another plan."""
    shown = sorted(differences, key=lambda item: item[0])[:8]
    notes = [f"`{path}` was {_short(old)}, is now {_short(new)}" for path, old, new in shown]
    if len(differences) > len(shown):
        notes.append(f"and {len(differences) - len(shown)} more")
    first = shown[0][0]
    return Problem(
        "RES806",
        f"the run cannot be continued: its plan has changed in `{brief(first, 30)}`",
        notes=tuple(notes),
        helps=(
            "undo the change to continue this run",
            "or train a new run from its weights: `init: [{from: run:PATH}]`",
        ),
    )


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
