"""Whatever a plan holds is printed: every parameter of every component, and every setting beside them."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel
from rich.console import Console

import declare
from declare.cli.printing.plan import render
from declare.ir.plan import LossPlan, MetricPlan, Plan, ProbePlan
from declare.parsing.lookup import find, kinds, own_names
from tests.cli.printing.test_plan import SPEC

Block = dict[str, Any]
VALUE = 0.98765
"""A value that no plan holds: printing reads blocks, and checks nothing."""


SETTINGS = {
    "description": "words",
    "expect": "{val/one/loss: '< 3'}",
    "metrics": "{x: val/one/loss + 1}",
    "hardware.memory_limit": "20GB",
    "tune": "{metric: val/one/loss, mode: min, space: {phases.fit.optimizer.lr: {choices: [0.1, 0.2]}}}",
    "datasets.a.on_corrupt": "{action: skip}",
    "datasets.a.limit": "50",
    "datasets.a.split": "{val: 0.2, test: 0.1, stratify: label, seed: 3}",
    "tasks.one.loss": "{type: cross_entropy, class_weights: balanced, weight: 2}",
    "tasks.one.weight": "0.5",
    "phases.fit.accumulate": "2",
    "phases.fit.schedule": "{type: cosine, warmup: 4 steps}",
    "phases.fit.scales": "{field: image, sizes: [8, 16], consistency: {type: kl}}",
    "phases.fit.init": "[{from: 'phase:warm', modules: [encoder], rename: {a: b}}]",
    "phases.fit.freeze": "[{match: 'encoder.*', until: 7 steps}]",
    "phases.fit.clip": "{norm: 0.5}",
    "phases.fit.ema": "{decay: 0.9}",
    "phases.fit.early_stop": "{metric: val/one/loss, mode: min, patience: 12 steps, min_delta: 0.01}",
    "phases.fit.evaluate": "{best: {metric: val/one/f1, mode: max}}",
    "phases.fit.optimizer.groups": "[{match: 'heads.*', lr: 0.007, weight_decay: 0.1}]",
    "phases.fit.on_batch_error": "{action: skip}",
    "phases.fit.diagnose": "{gradients: 6 steps}",
    "phases.fit.probes": "[{type: linear, task: one, input: encoder}]",
}


@pytest.fixture(scope="module")
def plan(tmp_path_factory) -> Plan:
    """Return a plan with one of everything."""
    path = tmp_path_factory.mktemp("plan") / "spec.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return declare.plan(path, set=[f"{key}={value}" for key, value in SETTINGS.items()])


def printed(plan: Plan) -> str:
    """Return what is printed of a plan."""
    out = io.StringIO()
    render(plan, Console(file=out, width=1000))
    return out.getvalue()


def in_phase(**changes: Any) -> Callable[[Plan], Plan]:
    """Return what changes the last phase of a plan."""

    def changed(plan: Plan) -> Plan:
        last = plan.phases[-1].model_copy(update=changes)
        return plan.model_copy(update={"phases": (*plan.phases[:-1], last)})

    return changed


def in_task(**changes: Any) -> Callable[[Plan], Plan]:
    """Return what changes a task of a plan."""

    def changed(plan: Plan) -> Plan:
        task = plan.tasks["one"].model_copy(update=changes)
        return plan.model_copy(update={"tasks": plan.tasks | {"one": task}})

    return changed


def in_dataset(**changes: Any) -> Callable[[Plan], Plan]:
    """Return what changes a dataset of a plan."""

    def changed(plan: Plan) -> Plan:
        data = plan.datasets["a"].model_copy(update=changes)
        return plan.model_copy(update={"datasets": plan.datasets | {"a": data}})

    return changed


def in_field(block: Block, extra: Block) -> Callable[[Plan], Plan]:
    """Return what changes a field of a plan."""

    def changed(plan: Plan) -> Plan:
        fields = plan.datasets["a"].fields
        facts = fields["label"].facts.model_copy(update={"extra": extra})
        field = fields["label"].model_copy(update={"block": block, "facts": facts})
        return in_dataset(fields=fields | {"label": field})(plan)

    return changed


def in_node(block: Block, role: str) -> Callable[[Plan], Plan]:
    """Return what changes a node of a plan."""

    def changed(plan: Plan) -> Plan:
        node = plan.nodes[0].model_copy(update={"block": block, "role": role})
        return plan.model_copy(update={"nodes": (node, *plan.nodes[1:])})

    return changed


TEXT = {"vocabulary": ["a"], "tokens": {"mean": 3.0, "overlong": 0}}
PUT: dict[str, Callable[[Block], Callable[[Plan], Plan]]] = {
    "sources": lambda block: in_dataset(source=block),
    "fields": lambda block: in_field(block, {}),
    "tokenizers": lambda block: in_field({"type": "text", "overlong": "cut", "tokenizer": block}, TEXT),
    "transforms": lambda block: in_dataset(transforms=(block,)),
    "modules": lambda block: in_node(block, "module"),
    "heads": lambda block: in_node(block, "head"),
    "tasks": lambda block: in_task(block=block),
    "losses": lambda block: in_task(
        losses=(LossPlan(name="loss", block=block, weight=1.0, class_weights=None),)
    ),
    "metrics": lambda block: in_task(
        metrics=(
            MetricPlan(
                name=find("metrics", block["type"]).model_construct(**block).metric_name(),
                block=block,
                mode="max",
            ),
        )
    ),
    "optimizers": lambda block: in_phase(optimizer={"lr": 0.1} | block),
    "schedules": lambda block: in_phase(schedule=block),
    "samplers": lambda block: in_phase(sampler=block),
    "mixes": lambda block: in_phase(mix=block, rows={"a": 4, "b": 4}),
    "balances": lambda block: in_phase(balance=block),
    "augments": lambda block: in_phase(augment=(block,)),
    "regularizers": lambda block: in_phase(regularizers=(block,)),
    "probes": lambda block: in_phase(probes=(ProbePlan(name="one", task="one", block=block, wires=()),)),
}
ELSEWHERE = {
    "fields": {"tokenizer", "overlong"},  # in the sentence about texts
    "modules": {"input", "inputs", "per_dataset", "name"},  # in the table of nodes
    "heads": {"input", "per_dataset", "name"},
    "tasks": {"dataset", "datasets", "target", "mask", "head", "loss", "metrics", "weight"},  # own lines
    "losses": {"weight"},  # before the loss
    "optimizers": {"groups"},  # with the tensors of each
    "schedules": {"warmup"},  # in steps
    "probes": {"task"},  # before the probe
}
NO_RESULT = {"trackers"}
"""Kinds that change nothing that is computed: they send figures elsewhere."""


def test_every_kind_has_its_place():
    """A new kind needs a place in a plan, or a reason."""
    assert {*PUT} | NO_RESULT == {*kinds()}


@pytest.mark.parametrize("kind", PUT)
def test_every_parameter_of_a_component_is_printed(kind, plan, monkeypatch):
    """Whatever a parameter of a component is set to stands in the text."""
    monkeypatch.setattr("declare.compiler.phases.memory.of_plan", lambda *_: None)  # it reads the blocks
    hidden = []
    for name in own_names(kind):
        block = {"type": name}
        for key, info in find(kind, name).model_fields.items():
            if key in ELSEWHERE.get(kind, ()):
                continue
            value = [str(VALUE)] if key == "fields" else VALUE
            text = printed(PUT[kind](block | {info.alias or key: value})(plan))
            if str(VALUE) not in text and str(VALUE).replace(".", "_") not in text:
                hidden.append(f"{name}.{key}")
    assert hidden == []


DERIVED = {
    "DatasetPlan": {"fingerprint"},  # of the data
    "FieldPlan": {"double"},
    "FieldFacts": {"values", "num_missing", "num_nonfinite", "unique", "extra"},
    "ModulePlan": {"name", "role"},  # of `path`
    "Wire": {"port"},  # inputs are in the order of the ports
    "Target": {"prediction", "classes", "counts", "may_miss", "double"},  # of the task and its field
    "TaskPlan": {"block"},  # every parameter is tried above
    "LossPlan": {"name"},
    "MetricPlan": {"block", "mode"},  # the name says every parameter
    "PhasePlan": {"datasets", "memory_bytes", "optimizer"},  # of `rows`; computed anew; tried above
    "OptimizerGroup": {"parameters"},  # of `match`
    "FreezePlan": {"parameters", "modules"},
    "ProbePlan": {"name"},
    "Plan": {"format", "declare", "spec_sha256", "trusted"},  # `trusted`: the files of code of the blocks
}
"""What follows from what is printed."""


def other(value: Any) -> Any:
    """Return another value of the same kind, or the same where there is none."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value * 2 + 7
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, dict):
        return {key: item if key == "type" else other(item) for key, item in value.items()}
    is_plain = isinstance(value, tuple | list) and not hasattr(value, "_fields")
    return type(value)(map(other, value)) if is_plain else value


def changes(part: BaseModel, put: Callable[[Any], Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield (type of a part, name, whole plan with another value there) for each value below a part of a plan."""
    for name in type(part).model_fields:
        value = getattr(part, name)

        def place(item: Any, name: str = name) -> Any:
            return put(part.model_copy(update={name: item}))

        items = (
            list(value.items() if isinstance(value, dict) else enumerate(value))
            if value and isinstance(value, dict | tuple)
            else []
        )
        if isinstance(value, BaseModel):
            yield from changes(value, place)
        elif items and isinstance(items[0][1], BaseModel):
            for key, item in items:
                whole = dict(items)
                make = dict if isinstance(value, dict) else lambda entries: tuple(entries.values())
                yield from changes(
                    item,
                    lambda new, key=key, whole=whole, make=make, place=place: place(make(whole | {key: new})),
                )
        elif (changed := other(value)) != value:
            yield type(part).__name__, name, place(changed)


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_every_setting_of_a_plan_is_printed(plan):
    """A plan that differs anywhere reads differently, below its first line, unless something printed implies it."""

    def body(plan: Plan) -> str:
        first, _, rest = printed(plan).partition("\n")
        return first.replace(plan.sha256[:12], "") + rest

    plain, is_shown = body(plan), dict[tuple[str, str], bool]()
    for part, name, changed in changes(plan, lambda item: item):
        if name not in DERIVED.get(part, ()) and not is_shown.get((part, name)):
            is_shown[part, name] = body(changed) != plain
    assert [key for key, shown in is_shown.items() if not shown] == []
    assert len(is_shown) > 60
