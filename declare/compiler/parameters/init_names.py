"""Classes and tokens of a run whose weights a phase starts from: the rows of its weights stand for them in order."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from declare.compiler.parameters.init_match import InitReport, new_name
from declare.compiler.parameters.parameter_names import names
from declare.compiler.stages import ShapedSpec
from declare.contract.facts import FieldFacts
from declare.contract.problem import Problem
from declare.ir.plan import InitPlan, ModulePlan, Plan
from declare.rules.queries.fields import classes_or_tokens
from declare.rules.spec_parts import get

_SHOWN = 4


class _Names(NamedTuple):
    """The classes, or tokens, of a field that a node reads or predicts."""

    field: str
    names: Any


class _Change(NamedTuple):
    """A node whose weights were learned with other names than those here."""

    path: str
    here: _Names
    there: _Names


def other_names(stage: ShapedSpec, report: InitReport, entry: InitPlan, at: str) -> Iterator[Problem]:
    """Yield a problem if nodes that a run's weights fill completely read or predict other names there."""
    plan = _plan_of(entry)
    if plan is None:
        return
    loaded = set(report.loaded)
    old_nodes = {new_name(node.path, entry.rename): node for node in plan.nodes}
    changes = [
        change
        for path, node in stage.nodes.items()
        if path in old_nodes and _is_filled(node, loaded)
        for change in _changes(path, _names_here(stage, node), _names_there(plan, old_nodes[path]))
    ]
    if changes:
        yield _problem(changes, at)


def _is_filled(node: ModulePlan, loaded: set[str]) -> bool:
    """Return whether all weights of a node are loaded; a part of them is chosen deliberately."""
    inside = names(node)
    return inside is not None and bool(inside.state) and set(inside.state) <= loaded


def _changes(path: str, here: list[_Names], there: list[_Names]) -> list[_Change]:
    pairs = zip(here, there, strict=False)
    known = [_Change(path, *pair) for pair in pairs if None not in (pair[0].names, pair[1].names)]
    return [change for change in known if change.here.names != change.there.names]


def _plan_of(entry: InitPlan) -> Plan | None:
    """Return the plan of a run; None if it cannot be read, or is that of another version."""
    try:
        return Plan.model_validate_json((Path(entry.reference) / "plan.json").read_bytes())
    except (OSError, ValidationError, ValueError):
        return None


def _names_here(stage: ShapedSpec, node: ModulePlan) -> list[_Names]:
    fields = {dataset: facts.fields for dataset, facts in stage.facts.items()}
    targets = [
        (str(get(stage.spec, "tasks", task, "target")), node.datasets)
        for task in stage.targets
        if node.path == f"heads.{task}"
    ]
    return _names_of(node, fields, targets)


def _names_there(plan: Plan, node: ModulePlan) -> list[_Names]:
    fields = {
        dataset: {name: item.facts for name, item in block.fields.items()}
        for dataset, block in plan.datasets.items()
    }
    targets = [
        (task.target_field or "", task.datasets) for task in plan.tasks.values() if task.head == node.path
    ]
    return _names_of(node, fields, targets)


def _names_of(
    node: ModulePlan,
    fields: Mapping[str, Mapping[str, FieldFacts]],
    targets: list[tuple[str, tuple[str, ...]]],
) -> list[_Names]:
    """Return the names behind the fields that a node reads, in order, and behind what it predicts.

    Nodes with an instance for each dataset have none here.
    """
    if node.per_dataset or node.adapts:
        return []
    read = [(wire.name, node.datasets) for wire in node.wires if wire.source == "field"]
    named = []
    for field, datasets in (*read, *targets):
        facts = next((fields[name][field] for name in datasets if field in fields.get(name, {})), None)
        named.append(_Names(field, None if facts is None else classes_or_tokens(facts)))
    return named


def _problem(changes: list[_Change], at: str) -> Problem:
    path, here, _ = changes[0]
    what = "classes" if isinstance(here.names, list) else "tokens"
    paths = list(dict.fromkeys(change.path for change in changes))
    return Problem(
        "SHP544",
        f"weights of `{path[:24]}` are for other {what} than those of `{here.field[:20]}`",
        at=f"{at}.from",
        label="rows of these weights would change their meaning",
        notes=tuple(map(_note, changes)),
        helps=(
            (
                f"read `{here.field}` with the tokenizer of that run: "
                "`tokenizer: {type: run, path: ..., field: ...}`"
                if what == "tokens"
                else f"state `classes` of `{here.field}` as in that run"
            ),
            f"or load other modules only, without {', '.join(f'`{name}`' for name in paths)}: `modules: [...]`",
        ),
    )


def _note(change: _Change) -> str:
    if not isinstance(change.here.names, list):
        return f"`{change.path}`: the tokens of `{change.here.field}` differ"
    return f"`{change.path}`: {_brief(change.here.names)} here, {_brief(change.there.names)} there"


def _brief(classes: list[str]) -> str:
    return ", ".join(classes[:_SHOWN]) + (", ..." if len(classes) > _SHOWN else "")
