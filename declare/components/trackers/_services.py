"""What trackers of external services share: a problem for a missing library, flat settings."""

import math
from collections.abc import Mapping
from typing import Any

from declare.contract.problem import Problem, ProblemError


def tracker_error(name: str, error: Exception, what: str = "could not be opened") -> ProblemError:
    """Return the error (RES851) that a tracker could not be opened, or failed later."""
    first = str(error).strip().partition("\n")[0][:200]
    return ProblemError(
        Problem(
            "RES851",
            f"tracker `{name}` {what}",
            at="tracking",
            label="refused",
            notes=(f"{name} reports: {first or type(error).__name__}",),
            helps=("check that its folder or server can be reached, or remove it from `tracking`",),
        )
    )


def finite(values: Mapping[str, float]) -> dict[str, float]:
    """Return the finite values, which a service can plot."""
    return {name: value for name, value in values.items() if math.isfinite(value)}


def flat(block: Mapping[str, Any], prefix: str = "") -> dict[str, str | int | float | bool]:
    """Return the scalars of a nested mapping under dotted names."""
    entries: dict[str, str | int | float | bool] = {}
    for key, value in block.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            entries |= flat(value, f"{name}.")
        elif isinstance(value, str | int | float | bool):
            entries[name] = value
    return entries


def settings(plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a plan for a service: seed, sizes, and the settings of each phase."""
    phases = {item["name"]: item for item in plan.get("phases", ())}
    kept = ("steps", "epochs", "batch_size", "accumulate", "precision", "optimizer", "schedule", "tasks")
    return {
        "name": plan.get("name"),
        "seed": plan.get("seed"),
        "spec_sha256": plan.get("spec_sha256"),
        "phases": {name: {key: item[key] for key in kept if key in item} for name, item in phases.items()},
        "model": {node["path"]: node["block"] for node in plan.get("nodes", ())},
    }
