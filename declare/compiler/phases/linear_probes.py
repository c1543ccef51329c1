"""The probes of a phase: which task each of them learns, and what it reads."""

from collections.abc import Iterator
from typing import Any

from declare.compiler.names.unknown_name import unknown_name_problem
from declare.compiler.reports import Reports, Skip
from declare.compiler.stages import ScoredSpec
from declare.contract.kinds.probe import Probe
from declare.contract.problem import Problem
from declare.contract.shapes import Layout
from declare.ir.plan import ProbePlan, TaskPlan, Wire
from declare.parsing.poison import contains_poison
from declare.rules.spec_parts import LocatedBlock, get

_READS: frozenset[Layout] = frozenset({"vector", "number", "sequence", "series", "image", "video"})


def probes(stage: ScoredSpec, phase: LocatedBlock[Any]) -> Reports[tuple[ProbePlan, ...]]:
    """Return the probes of a phase that are right; a second one of a task gets a number."""
    plans: list[ProbePlan] = []
    seen: dict[str, int] = {}
    for index, probe in enumerate(get(phase.block, "probes") or ()):
        at = f"{phase.path}.probes.{index}"
        task = None if contains_poison(probe) else stage.tasks.get(probe.task)
        if task is None:
            yield Skip(at)
            continue
        wires = _unsuitable(stage, probe, task, at) or _wires(stage, probe, task, at)
        if isinstance(wires, Problem):
            yield wires
            continue
        seen[probe.task] = seen.get(probe.task, 0) + 1
        name = probe.task if seen[probe.task] == 1 else f"{probe.task}_{seen[probe.task]}"
        plans.append(ProbePlan(name=name, task=probe.task, block=probe.dump(), wires=wires))
    return tuple(plans)


def _unsuitable(stage: ScoredSpec, probe: Probe, task: TaskPlan, at: str) -> Problem | None:
    """Return the problem (PHS651) that a task's target cannot be predicted from one vector for each sample."""
    output = task.target.output
    title = ""
    if task.target_field is None:
        title = f"task `{probe.task}` has no target that a probe could learn"
    elif output.layout not in {"vector", "number"} or output.numel is None:
        title = f"task `{probe.task}` needs {output}, but a probe gives one vector for each sample"
    elif not any(stage.facts[name].splits.get("val") for name in task.datasets if name in stage.facts):
        title = f"task `{probe.task}` has no validation samples to judge a probe by"
    if not title:
        return None
    fitting = [
        name
        for name, other in stage.tasks.items()
        if other.target_field is not None and other.target.output.layout in {"vector", "number"}
    ]
    helps = (f"probe one of {', '.join(f'`{name}`' for name in fitting)}",) if fitting else ()
    return Problem(
        "PHS651", title, at=f"{at}.task", label="cannot be probed", helps=helps or ("remove the probe",)
    )


def _wires(stage: ScoredSpec, probe: Probe, task: TaskPlan, at: str) -> tuple[Wire, ...] | Problem:
    """Return what a probe reads: the output that it names, else what the head of its task reads."""
    if probe.input is None:
        wires = stage.nodes[task.head].wires
        bad = next((wire for wire in wires if wire.shape.layout not in _READS), None)
        return _unread(f"{at}.task", bad.shape.layout) if bad is not None else wires
    name, _, output = probe.input.partition(".")
    place = f"{at}.input"
    modules = {node.name: node for node in stage.nodes.values() if node.role == "module"}
    if name not in modules:
        return unknown_name_problem("module", name, place, list(_reached_modules(stage, task)))
    node = modules[name]
    missing = [item for item in task.datasets if item not in node.datasets]
    if missing:
        title = f"`{name}` never sees dataset `{missing[0]}`, which task `{probe.task}` learns from"
        helps = ("name a module that all datasets of the task pass through",)
        return Problem("PHS651", title, at=place, label="another part of the model", helps=helps)
    if output and output not in node.outputs:
        return unknown_name_problem("output", output, place, list(node.outputs), where=f"of `{name}`")
    vectors = (key for key, shape in node.outputs.items() if shape.layout == "vector")
    chosen = output or next(vectors, next(iter(node.outputs)))
    shape = node.outputs[chosen]
    if shape.layout not in _READS:
        return _unread(place, shape.layout)
    return (Wire(port="input", source="module", name=node.path, output=chosen, shape=shape),)


def _reached_modules(stage: ScoredSpec, task: TaskPlan) -> Iterator[str]:
    """Yield the modules that all datasets of a task pass through."""
    for node in stage.nodes.values():
        if node.role == "module" and set(task.datasets) <= set(node.datasets):
            yield node.name


def _unread(at: str, layout: Layout) -> Problem:
    return Problem(
        "PHS651",
        f"a probe reads features, not {layout}",
        at=at,
        label=f"gives {layout}",
        helps=("name an output that is a vector or a sequence: `input: encoder.pooled`",),
    )
