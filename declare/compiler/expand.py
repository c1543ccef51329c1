"""The spec with every default written out, as YAML: what `validate --expand` prints."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from declare.contract.component import Component, plain
from declare.ir.plan import ModulePlan, PhasePlan, Plan, TaskPlan
from declare.language.yaml.yaml_writer import block
from declare.system.secrets import as_written

if TYPE_CHECKING:
    from declare.compiler.pipeline import CheckedSpec


def expand(checked: CheckedSpec, leave_out: Collection[str] = ()) -> str:
    """Return the spec as YAML: what was stated, every default, and what was chosen (inputs, heads, losses).

    Top-level sections in `leave_out` are not written.

    It reads back to the same plan. Keys without a value (null, empty) are left out, and so are fields that
    the source knows already: stated, they would be assertions. Raises ValueError if the spec has errors.
    """
    if checked.plan is None:
        raise ValueError("a spec with errors has no defaults yet")
    written = _spec(checked.spec, checked.plan)
    return block(as_written({key: value for key, value in written.items() if key not in leave_out}))


def _spec(spec: Any, plan: Plan) -> dict[str, Any]:
    written = _dump(spec)
    written["datasets"] = {name: _dataset(spec.datasets[name], plan, name) for name in spec.datasets}
    written["model"] = {name: _module(spec.model[name], plan, name) for name in spec.model}
    written["tasks"] = {name: _task(plan, name) for name in spec.tasks}
    written["phases"] = {phase.name: _phase(spec.phases[phase.name], phase) for phase in plan.phases}
    written["tracking"] = [_short(item) for item in plan.tracking]
    silent = [key for key, value in written.items() if value is None or value in ([], {})]
    return {key: value for key, value in written.items() if key not in silent or key == "tracking"}


def _dump(value: Any) -> dict[str, Any]:
    """Return a block with its defaults, without empty values."""
    stated: dict[str, Any] = _without_defaults(plain(value))
    return stated


def _without_defaults(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            key: _without_defaults(item)
            for key, item in value.items()
            if item is not None and item not in ([], {})
        }
    if isinstance(value, list | tuple):
        return [_without_defaults(item) for item in value]
    return value


def _short(component: Mapping[str, Any]) -> Any:
    """Return a component's block, or just its name if it has no other keys."""
    stated = _without_defaults(component)
    return stated["type"] if list(stated) == ["type"] else stated


def _dataset(dataset: Any, plan: Plan, name: str) -> dict[str, Any]:
    resolved = plan.datasets[name]
    written = _dump(dataset)
    written["source"] = _without_defaults(resolved.source)
    order = ("source", "fields", "transforms", "split")
    return {key: written[key] for key in order if written.get(key)} | {
        key: value for key, value in written.items() if key not in order
    }


def _module(module: Component, plan: Plan, name: str) -> dict[str, Any]:
    node = next((node for node in plan.nodes if node.path == name), None)
    written: dict[str, Any] = _without_defaults(module.dump())
    return written if node is None else _with_inputs(written, node)


def _with_inputs(written: dict[str, Any], node: ModulePlan) -> dict[str, Any]:
    """Write the inputs of a node with the outputs that were chosen."""
    by_port: dict[str, list[str]] = {}
    for wire in node.wires:
        text = wire.name if wire.output is None else f"{wire.name}.{wire.output}"
        by_port.setdefault(wire.port, []).append(text)
    if len(by_port) == 1:
        (texts,) = by_port.values()
        written["input"] = texts[0] if len(texts) == 1 else texts
    elif all(len(texts) == 1 for texts in by_port.values()):
        written["input"] = {port: texts[0] for port, texts in by_port.items()}
    front = {key: written[key] for key in ("type", "input") if key in written}
    return front | {key: value for key, value in written.items() if key not in front}


def _task(plan: Plan, name: str) -> dict[str, Any]:
    task: TaskPlan = plan.tasks[name]
    written: dict[str, Any] = _without_defaults(task.block)
    written["datasets"] = list(task.datasets)
    owner = task.head.partition(".")[2]
    node = plan.node(task.head)
    written["head"] = owner if owner != name else _with_inputs(_without_defaults(node.block), node)
    losses = [_without_defaults(loss.block) for loss in task.losses]
    written["loss"] = losses[0] if len(losses) == 1 else losses
    written["metrics"] = [_short(metric.block) for metric in task.metrics]
    return written


def _phase(phase: BaseModel, plan: PhasePlan) -> dict[str, Any]:
    written = _dump(phase)
    written["tasks"] = plan.tasks
    if len(plan.datasets) > 1 and plan.mix["type"] not in {"rows", "shares"}:
        written["mix"] = _short(plan.mix)
    written["sampler"] = _short(plan.sampler)
    written["schedule"] = _short(plan.schedule)
    written["precision"] = plan.precision
    for key, every in (("evaluate", plan.evaluate_every), ("checkpoint", plan.checkpoint_every)):
        written[key] = {"every": f"{every} steps"} | written.get(key, {})
    order = list(type(phase).model_fields)
    return dict(sorted(written.items(), key=lambda item: order.index(item[0])))
