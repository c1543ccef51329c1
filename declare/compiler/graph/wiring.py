"""The graph as the spec draws it: nodes in topological order, and what each of them reads."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from declare.compiler.graph_types import GraphNode, Ref, Wiring
from declare.compiler.names.fields import all_fields
from declare.compiler.names.inputs import refs
from declare.compiler.reports import Reports, Skip
from declare.compiler.stages import LinkedSpec, NamedSpec, TransformedSpec
from declare.contract.problem import Problem, Rewrite
from declare.parsing.poison import contains_poison
from declare.rules.spec_parts import blocks_of, dataset_place, get, task_datasets, tasks


def reads_unknown(stage: NamedSpec, wiring: Wiring) -> bool:
    """Return whether a module or head reads a name that nothing has: any module or field may be meant."""
    known = set().union(*all_fields(stage).values(), wiring.nodes)
    return any(ref.name not in known for node in wiring.nodes.values() for ref in node.refs)


def module_wiring(stage: TransformedSpec) -> Reports[Wiring]:
    """Return the modules that can be placed; yield inputs that several things could be."""
    modules = get(stage.spec, "model") or {}
    stated: dict[str, list[Ref]] = {}
    for name, component in modules.items():
        at = f"model.{name}"
        if contains_poison(component):
            yield Skip(at)
            continue
        inputs: list[Ref] | Problem | None = refs(component, at)
        if inputs is None:
            inputs = _infer_input(stage, name, component, stated)
        if isinstance(inputs, Problem):
            yield inputs
        elif inputs is None:
            yield Skip(at)
        else:
            stated[name] = inputs
    return Wiring(
        {
            name: GraphNode(name, name, "module", modules[name], f"model.{name}", tuple(stated[name]))
            for name in _topological_order(stated, modules)
        }
    )


def _topological_order(stated: Mapping[str, list[Ref]], modules: Mapping[str, Any]) -> Iterator[str]:
    """Yield modules parents first; those in a ring, or below a module that is missing, are left out."""
    done: set[str] = set()
    waiting = list(stated)
    while True:
        ready = [
            name
            for name in waiting
            if all(ref.name in done or ref.name not in modules for ref in stated[name])
        ]
        if not ready:
            return
        yield from ready
        done |= set(ready)
        waiting = [name for name in waiting if name not in done]


def _infer_input(
    stage: TransformedSpec, name: str, component: Any, earlier: Mapping[str, list[Ref]]
) -> list[Ref] | Problem | None:
    """Choose the one thing that a module without `input` can read: a fitting field, or an unread module.

    None if too little is known of the data.
    """
    port = component.ports[0]
    referenced_names = {ref.name for inputs in earlier.values() for ref in inputs}
    unread = [other for other in earlier if other not in referenced_names]
    choices = [*unread, *_fitting_fields(stage, port.takes)]
    if _fields_unclear(stage):
        return None
    if len(choices) == 1:
        return [Ref(port.name, choices[0], None, f"model.{name}")]
    if not choices and (kept := _kept_back(stage, port.takes)):
        return _only_kept_back(name, f"model.{name}", *kept)
    return ambiguous(name, f"model.{name}", port.takes, choices)


def _kept_back(stage: TransformedSpec, takes: tuple[str, ...]) -> tuple[str, str] | None:
    """Return the one field that a port takes and a task predicts, with the task; None for none or several."""
    targets = {get(task.block, "target"): task.name for task in tasks(stage)}
    fitting = {
        name
        for shapes in stage.shapes.values()
        for name, shape in shapes.items()
        if name in targets and shape.layout in takes
    }
    name = next(iter(fitting), None)
    return (name, targets[name]) if name is not None and len(fitting) == 1 else None


def _only_kept_back(node: str, at: str, field: str, task: str) -> Problem:
    """Return the problem of a node without `input` if only a target fits, as in language models."""
    return Problem(
        "REF208",
        f"`{node[:16]}` names no input; only `{field[:16]}` fits, the target of task `{task[:16]}`",
        at=at,
        on="key",
        label="no `input` here",
        also={f"tasks.{task}.target": "a target is not an input unless stated"},
        helps=(f"write `input: {field}` if the model is to read it, as in a language model",),
        rewrites=(Rewrite(f"add `input: {field}`", f"{at}.input", field, safe=False),),
    )


def _fields_unclear(stage: TransformedSpec) -> bool:
    """Return whether some field of some dataset is not known, or not its shape."""
    whole = all(set(facts.fields) <= set(stage.shapes.get(name, ())) for name, facts in stage.facts.items())
    return bool(stage.partial) or not whole or len(stage.shapes) < len(get(stage.spec, "datasets") or {})


def _fitting_fields(stage: TransformedSpec, takes: tuple[str, ...]) -> list[str]:
    """Return the fields that a port takes and that no task predicts and no split groups by."""
    taken: set[Any] = set()
    for task in tasks(stage):
        taken |= {get(task.block, "target"), get(task.block, "mask")}
    for dataset in blocks_of(stage.spec, "datasets"):
        taken |= {get(dataset.block, "split", key) for key in ("by", "column")}
    fields: dict[str, None] = {}
    for shapes in stage.shapes.values():
        fitting = [name for name, shape in shapes.items() if shape.layout in takes and shape.layout != "id"]
        fields |= dict.fromkeys(name for name in fitting if name not in taken)
    return list(fields)


def ambiguous(name: str, at: str, takes: tuple[str, ...], choices: list[str]) -> Problem:
    """Return the problem of a node without `input` for which not exactly one thing fits."""
    words = ", ".join(f"`{choice}`" for choice in choices[:6]) + (", ..." if len(choices) > 6 else "")
    if choices:
        title = f"`{name}` names no input, and {len(choices)} could be meant"
        helps: tuple[str, ...] = (f"add `input:` with one of {words}",)
    else:
        title = f"`{name}` names no input, and nothing fits"
        helps = (
            f"add `input:` with a field or module that gives {' or '.join(f'`{item}`' for item in takes)}",
        )
    return Problem("REF208", title, at=at, on="key", label="no `input` here", helps=helps)


def usage(stage: LinkedSpec, wiring: Wiring) -> Reports[Wiring]:
    """Return the wiring with the datasets that pass through each node; yield fields that one of them lacks."""
    used: dict[str, dict[str, None]] = {}
    known = all_fields(stage)
    for task in tasks(stage):
        head = wiring.heads.get(task.name)
        if head is None:
            continue
        names = task_datasets(stage, task.block)
        for path in wiring.upstream(head):
            used.setdefault(path, {}).update(dict.fromkeys(names))
        for reader, ref in wiring.fields(head):
            for name in names:
                if name in stage.shapes and ref.name not in known[name]:
                    yield Problem(
                        "REF201",
                        f"dataset `{name}` has no field `{ref.name}`, which `{reader.name}` reads",
                        at=ref.at,
                        label=f"not in `{name}`",
                        also={dataset_place(task, name): f"task `{task.name}` learns from it"},
                        helps=(f"name a field of `{name}`, or give the task a head on another module",),
                    )
    order = list(get(stage.spec, "datasets") or ())
    datasets = {path: tuple(name for name in order if name in names) for path, names in used.items()}
    return replace(wiring, datasets=datasets)
