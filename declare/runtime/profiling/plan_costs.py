"""The costs of a plan's phases: traced in a worker process, kept in the user's cache. Imports no torch."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from declare.compiler.phases.machine_fit import Limit, computes_on_processor, limits_for, memory_problem
from declare.compiler.phases.memory import Memory, of_plan
from declare.contract import strict_json
from declare.contract.problem import Problem
from declare.ir.phase_costs import MemoryCosts, PhaseCosts
from declare.ir.plan import PhasePlan, Plan
from declare.rules.byte_sizes import bytes_text
from declare.system import user_cache, worker_process
from declare.system.library_table import installed_version
from declare.system.worker_process import CallError

_FORMAT = 2
"""Raised when costs are counted in another way, so that kept ones are forgotten."""
_LIBRARIES = ("torch", "timm", "torchvision", "transformers", "braindecode")
_IRRELEVANT = {"name", "description", "spec_sha256", "tracking", "composites", "expect", "tune"}
_SHARDED = ("weights", "gradients", "optimizer", "average")


def plan_costs(plan: Plan, *, trace: bool = True) -> tuple[PhaseCosts, ...]:
    """Return the costs of each phase: of a step of it that is traced without data and without memory.

    A phase that cannot be traced has estimates by formulas, as all have without `trace`.
    """
    answers = _trace(plan) if trace else {phase.name: "not traced" for phase in plan.phases}
    return tuple(
        estimated_costs(plan, phase, answer)
        if isinstance(answer := answers[phase.name], str)
        else _of_strategy(plan, PhaseCosts(**answer))
        for phase in plan.phases
    )


def _trace(plan: Plan) -> dict[str, Any]:
    """Return for each phase its costs as plain values, or why it has none."""
    stated = plan.model_dump(mode="json")
    asked = {key: value for key, value in stated.items() if key not in _IRRELEVANT}
    versions = [installed_version(name) for name in _LIBRARIES]
    path = user_cache.folder("costs") / f"{user_cache.key(_FORMAT, asked, versions)}.json"
    if (kept := user_cache.read_text(path)) is not None:
        return dict(json.loads(kept))
    try:
        answers = worker_process.call("declare.runtime.profiling.trace_plan:trace_plan", {"plan": stated})
    except CallError as error:
        return {phase.name: error.text for phase in plan.phases}
    user_cache.write_text(path, strict_json.dumps(answers))
    return dict(answers)


def _of_strategy(plan: Plan, costs: PhaseCosts) -> PhaseCosts:
    """Return the costs of one process; FSDP shards weights and what training adds to them."""
    processes = plan.hardware.processes
    if plan.hardware.strategy != "fsdp" or not processes or processes == 1:
        return costs.model_copy(update={"processes": processes})

    def share(memory: MemoryCosts) -> MemoryCosts:
        shares = {name: -(-getattr(memory, name) // processes) for name in _SHARDED}
        saved = sum(getattr(memory, name) for name in _SHARDED) - sum(shares.values())
        return memory.model_copy(update=shares | {"total": memory.total - saved})

    changes = {name: share(memory) for name in ("step", "evaluation") if (memory := getattr(costs, name))}
    return costs.model_copy(update=changes | {"processes": processes})


def estimated_costs(plan: Plan, phase: PhasePlan, reason: str) -> PhaseCosts:
    """Return the costs of a phase by the formulas of its modules; a backward pass takes two forward passes."""
    memory, processes = of_plan(plan, phase), plan.hardware.processes
    rows = {name: -(-count // (processes or 1)) for name, count in phase.rows.items()}
    flops = [
        node.flops and node.flops * sum(rows.get(name, 0) for name in node.datasets) for node in plan.nodes
    ]
    forward = None if None in flops else sum(item or 0 for item in flops)
    return PhaseCosts(
        phase=phase.name,
        method="estimated",
        reason=reason,
        precision="fp32" if phase.precision == "auto" else phase.precision,
        processes=processes,
        rows=-(-sum(rows.values()) // phase.accumulate),
        step=memory and _estimated_memory(memory),
        evaluation=None,
        forward_flops=forward,
        backward_flops=forward and 2 * forward,
    )


def cost_problems(plan: Plan) -> Iterator[Problem]:
    """Yield each traced phase of `plan.costs` that does not fit into the memory there is (HW718, HW719)."""
    hardware = plan.hardware
    limits = limits_for(hardware) if computes_on_processor(hardware) else []
    if hardware.memory_limit_bytes:
        limits.append(Limit(hardware.memory_limit_bytes, "`hardware.memory_limit` allows", 1))
    for costs in plan.costs:
        if costs.method != "traced" or costs.step is None:
            continue
        phase, step = plan.phase(costs.phase), costs.step
        kept = {name: getattr(step, name) for name in _SHARDED}
        memory = Memory(activations=step.activations + step.workspace, data=step.batch, **kept)
        # In the peak only few gradients are there; between micro-batches all are.
        gradients = max(memory.gradients, sum(item.gradient_bytes for item in costs.modules))
        scaled = memory._replace(gradients=gradients)
        problem = memory_problem(phase, memory, None, limits, costs.processes or 1, scaled=scaled)
        problem = problem or _evaluation_problem(costs, limits)
        if problem is not None:
            yield problem


def _evaluation_problem(costs: PhaseCosts, limits: Iterable[Limit]) -> Problem | None:
    """Return that evaluations of a phase do not fit into one of `limits` (HW719)."""
    needed = costs.evaluation.total if costs.evaluation else 0
    for limit in limits:
        if needed * limit.processes > limit.size:
            title = f"evaluations in phase `{costs.phase}` need about {bytes_text(needed)}"
            return Problem(
                "HW719",
                f"{title}, {limit.words} {bytes_text(limit.size)}",
                at=f"phases.{costs.phase}",
                label="may not fit",
                helps=("they take batches of some thousand samples, fewer if samples or outputs are large",),
            )
    return None


def _estimated_memory(memory: Memory) -> MemoryCosts:
    parts = {name: getattr(memory, name) for name in (*_SHARDED, "activations")}
    return MemoryCosts(total=memory.total, batch=memory.data, workspace=memory.copies, **parts)
