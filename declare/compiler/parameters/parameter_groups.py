"""Patterns of a phase settled to exact names: groups of the optimizer, frozen parameters, penalties."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from declare.compiler.graph.wiring import reads_unknown
from declare.compiler.parameters.parameter_names import Names, names
from declare.compiler.parameters.patterns import matches, may_reach, unmatched_problem
from declare.compiler.stages import ShapedSpec
from declare.contract.duration import Duration
from declare.contract.problem import Problem
from declare.ir.plan import FreezePlan, ModulePlan, OptimizerGroup
from declare.rules.spec_parts import get


@dataclass
class Selection:
    """Exact names behind the patterns of one phase, and what was wrong with them."""

    groups: list[OptimizerGroup] = field(default_factory=list)
    freeze: list[FreezePlan] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def select(stage: ShapedSpec, phase: Any, path: str, lengths: tuple[int, int]) -> Selection:
    """Return the names that each pattern of a phase means; `lengths` are its steps and its steps an epoch."""
    selection = Selection()
    for index, group in enumerate(phase.optimizer.groups):
        names = _match_pattern(
            stage, group.match, f"{path}.optimizer.groups.{index}.match", selection.problems
        )
        taken = {name for earlier in selection.groups for name in earlier.parameters}
        selection.groups.append(
            OptimizerGroup(
                match=group.match,
                lr=float(phase.optimizer.lr if group.lr is None else group.lr),
                weight_decay=group.weight_decay,
                parameters=tuple(name for name in names.parameters if name not in taken),
            )
        )
    for index, item in enumerate(phase.freeze):
        names = _match_pattern(stage, item.match, f"{path}.freeze.{index}.match", selection.problems)
        until: Duration | None = item.until
        selection.freeze.append(
            FreezePlan(
                match=item.match,
                until_step=None if until is None else until.steps(*lengths),
                parameters=tuple(names.parameters),
                modules=tuple(names.statistics),
            )
        )
    for index, item in enumerate(phase.regularizers):
        _match_pattern(stage, item.match, f"{path}.regularizers.{index}.match", selection.problems)
    selection.problems += _init(stage, phase, path)
    return selection


def _match_pattern(stage: ShapedSpec, pattern: str, at: str, problems: list[Problem]) -> Names:
    """Return the parameters that a pattern matches, and the norm modules all of whose state it matches."""
    known = _names(stage.nodes, pattern)
    parameters = {name: size for name, size in known.parameters.items() if matches(pattern, name)}
    statistics = {
        name: kept for name, kept in known.statistics.items() if all(matches(pattern, item) for item in kept)
    }
    if not parameters and is_dead(stage, pattern):
        problems.append(unmatched_problem(pattern, at, stage.nodes, known.parameters))
    return Names(parameters, statistics)


def _names(nodes: Mapping[str, ModulePlan], pattern: str) -> Names:
    """Return the names of all nodes that a pattern could reach; only those are looked into."""
    all_names = Names({}, {})
    for path, node in nodes.items():
        if node.parameters and may_reach(pattern, f"{path}."):
            inside = names(node)
            if inside is not None:
                all_names.parameters.update(inside.parameters)
                all_names.statistics.update(inside.statistics)
    return all_names


def is_dead(stage: ShapedSpec, pattern: str) -> bool:
    """Return whether no node that a pattern could reach is unknown, if it matches nothing that is known."""
    paths = _node_paths(stage)
    if paths is None:
        return False
    unknown = [path for path in paths if path not in stage.nodes or _names_unknown(stage.nodes[path])]
    return not any(matches(pattern, path) or may_reach(pattern, f"{path}.") for path in unknown)


def _names_unknown(node: ModulePlan) -> bool:
    return bool(node.parameters) and names(node) is None


def _node_paths(stage: ShapedSpec) -> list[str] | None:
    """Return the paths of all modules and heads that the spec names; None if these sections could not be read.

    Modules that no head reads are not among them.
    """
    modules, tasks = get(stage.spec, "model"), get(stage.spec, "tasks")
    if modules is None or tasks is None:
        return None
    heads = {name: get(task, "head") for name, task in tasks.items()}
    owners = [name for name, head in heads.items() if not (isinstance(head, str) and head in tasks)]
    paths = [*modules, *(f"heads.{name}" for name in owners)]
    wiring = stage.wiring
    placed = sum(node.role == "module" for node in wiring.nodes.values())
    if placed == len(modules) and len(wiring.heads) == len(tasks) and not reads_unknown(stage, wiring):
        return [path for path in paths if path in wiring.datasets]
    return paths


def reached_nodes(stage: ShapedSpec, patterns: Iterable[str]) -> list[str] | None:
    """Return the paths of all nodes that patterns could reach; None if one of them is not known."""
    globs = [item for pattern in patterns for item in (pattern, f"{pattern}.*")]
    paths = _node_paths(stage)
    reached = [path for path in paths or () if any(may_reach(item, f"{path}.") for item in globs)]
    return None if paths is None or any(path not in stage.nodes for path in reached) else reached


def lost_patterns(stage: ShapedSpec, phase: Any, path: str) -> Iterator[Problem]:
    """Yield the patterns of a phase that match nothing, as far as phase and model could be read."""
    problems: list[Problem] = []
    optimizer = stage.untyped.get(f"{path}.optimizer", get(phase, "optimizer"))
    blocks = {f"optimizer.groups.{i}": item for i, item in enumerate(get(optimizer, "groups") or ())}
    for part in ("freeze", "regularizers"):
        blocks |= {f"{part}.{i}": item for i, item in enumerate(get(phase, part) or ())}
    for place, block in blocks.items():
        pattern = get(stage.untyped.get(f"{path}.{place}", block), "match")
        if isinstance(pattern, str):
            _match_pattern(stage, pattern, f"{path}.{place}.match", problems)
    yield from problems
    yield from _init(stage, phase, path)


def _init(stage: ShapedSpec, phase: Any, path: str) -> Iterator[Problem]:
    """Yield patterns of `init` that reach no module: they may name modules as well as parameters."""
    for index, init in enumerate(get(phase, "init") or ()):
        for place, pattern in enumerate(get(init, "modules") or ()):
            if not isinstance(pattern, str):
                continue
            reached = any(matches(pattern, node) or may_reach(pattern, f"{node}.") for node in stage.nodes)
            if not reached and is_dead(stage, pattern):
                at = f"{path}.init.{index}.modules.{place}"
                yield unmatched_problem(pattern, at, stage.nodes, stage.nodes, "module")
