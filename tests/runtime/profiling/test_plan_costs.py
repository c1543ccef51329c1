"""Costs of a plan: traced once, then from the cache; by formulas where no trace is possible."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import declare
from declare.ir.plan import Plan
from declare.runtime.profiling import plan_costs as costs_of
from declare.runtime.profiling.plan_costs import plan_costs
from declare.runtime.profiling.trace_plan import trace_plan
from tests.emit.programs import place


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Return a small plan; nothing is in the cache."""
    plan = declare.plan(place("digits", tmp_path))
    monkeypatch.setattr(costs_of.user_cache, "folder", lambda *_: tmp_path / "cache")
    return plan


def test_traced_once(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is kept; what people read of a plan does not change it."""
    calls = []

    def call(function: str, arguments: dict[str, Any]) -> Any:
        calls.append(function)
        return trace_plan(**arguments)

    monkeypatch.setattr(costs_of.worker_process, "call", call)
    (first,) = plan_costs(plan)
    assert first.method == "traced"
    assert plan_costs(plan.model_copy(update={"description": "other words"})) == (first,)
    assert calls == ["declare.runtime.profiling.trace_plan:trace_plan"]


def test_formulas_where_a_trace_fails(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is stated; nothing is kept, so that the next try may succeed."""

    def call(*_: Any) -> Any:
        raise costs_of.CallError("crash", "it ended its process")

    monkeypatch.setattr(costs_of.worker_process, "call", call)
    (costs,) = plan_costs(plan)
    assert (costs.method, costs.reason) == ("estimated", "it ended its process")
    assert costs.step is not None
    assert costs.forward_flops == 64 * sum(node.flops or 0 for node in plan.nodes)
    assert not list(costs_of.user_cache.folder().glob("*"))


def test_processes_hold_shares(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes have half of the rows each, with FSDP half of the weights too."""
    monkeypatch.setattr(costs_of.worker_process, "call", lambda _, arguments: trace_plan(**arguments))
    (alone,) = plan_costs(plan)
    hardware = plan.hardware.model_copy(update={"devices": 2, "strategy": "fsdp"})
    (shared,) = plan_costs(plan.model_copy(update={"hardware": hardware}))
    assert (alone.rows, shared.rows, shared.processes) == (64, 32, 2)
    assert alone.step is not None
    assert shared.step is not None
    assert shared.step.weights == -(-alone.step.weights // 2)
    assert shared.step.activations == pytest.approx(alone.step.activations / 2, rel=0.02)
