"""Tracing every phase of a plan, for a worker process: plain values in, plain values out."""

import warnings
from typing import Any

import torch

from declare.ir.plan import Plan
from declare.runtime.profiling.fake_run import fake_run, without_values
from declare.runtime.profiling.step_costs import phase_costs


def trace_plan(plan: dict[str, Any]) -> dict[str, dict[str, Any] | str]:
    """Return for each phase its costs as plain values, or in a few words why it has none."""
    traced = without_values(Plan.model_validate(plan))
    return {phase.name: _trace_phase(traced, phase.name) for phase in traced.phases}


def _trace_phase(plan: Plan, name: str) -> dict[str, Any] | str:
    """Return the costs of a phase: a module that depends on values it does not have may raise anything."""
    try:
        with warnings.catch_warnings(), fake_run(plan, torch.device("cpu")) as builder:
            warnings.simplefilter("ignore")
            return phase_costs(plan, builder, plan.phase(name)).model_dump(mode="json")
    except Exception as error:  # noqa: BLE001 - the code of libraries
        lines = str(error).strip().splitlines()
        return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
