"""A plan on the terminal: what will happen, from the data to the last phase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from declare.report.render.terminal import sparkline
from declare.report.units import count, counts_text, figure, size
from declare.report.wording import scales_text, target_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from declare.ir.plan import (
        DatasetPlan,
        FieldPlan,
        FreezePlan,
        ModulePlan,
        PhasePlan,
        Plan,
        TaskPlan,
    )

_MANY_CLASSES = 12
_LONG = 60


def render(plan: Plan, console: Console) -> None:
    """Print data, modules, tasks, phases and hardware of `plan`."""
    from rich.text import Text

    console.print(Text.assemble((plan.name, "bold"), f"  plan {plan.sha256[:12]}, seed {plan.seed}"))
    if plan.description:
        console.print(Text(plan.description))
    for title, lines in (
        ("Data", _data(plan)),
        ("Model", None),
        ("Tasks", _tasks(plan)),
        ("Phases", _phases(plan)),
    ):
        console.print()
        console.print(Text(title, style="bold"))
        if lines is None:
            console.print(_model(plan))
            continue
        for line in lines:
            console.print(Text(line), soft_wrap=True)
    console.print()
    for line in _ending(plan):
        console.print(Text(line), soft_wrap=True)


def _data(plan: Plan) -> Iterator[str]:
    for name, data in plan.datasets.items():
        splits = ", ".join(f"{split} {number:,}" for split, number in data.splits.items())
        yield f"  {name}: {_component('sources', data.source)}; {data.num_samples:,} samples ({splits})"
        if data.passed_over:
            yield f"    passed over: {counts_text(data.passed_over)}"
        width = max(map(len, data.fields)) + 2
        for field, facts in data.fields.items():
            yield f"    {field:<{width}}{facts.shape}{_field(facts)}{_read_as(facts)}{_missing(data, field)}"
        if data.transforms:
            steps = (_component("transforms", block) for block in data.transforms)
            yield f"    transforms: {'; '.join(steps)}"
        held = {key: value for key, value in data.split.items() if value not in (None, {})}
        if held:
            yield f"    split: {', '.join(f'{key} {value}' for key, value in held.items())}"


def _read_as(field: FieldPlan) -> str:
    """Return how texts of a column are read, where that follows from the column."""
    read_as = field.facts.extra.get("read_as")
    return f"  {read_as}" if read_as else ""


def _field(field: FieldPlan) -> str:
    facts = field.facts
    if "vocabulary" in facts.extra:
        return _text(field)
    if facts.classes is not None:
        counts = facts.counts.get("train", ()) if field.shape.layout != "id" else ()
        if len(facts.classes) > _MANY_CLASSES or len(counts) != len(facts.classes):
            spread = f", {min(counts):,} to {max(counts):,} training samples each" if counts else ""
            return f"  {len(facts.classes)} classes{spread}"
        pairs = zip(facts.classes, counts, strict=True)
        return f"  {len(facts.classes)} classes: {', '.join(f'{name} {number:,}' for name, number in pairs)}"
    if facts.mean is not None and facts.std is not None and not field.shape.dims:
        return f"  mean {figure(facts.mean)}, std {figure(facts.std)}"
    return f"  {figure(facts.rate)} Hz" if facts.rate else ""


def _text(field: FieldPlan) -> str:
    """Return what is known of a text: its tokenizer, how long samples are, and what becomes of the others."""
    tokens, empty = field.facts.extra["tokens"], field.facts.extra.get("empty", 0)
    words = f"  {field.block['tokenizer']['type']}, vocabulary {field.shape.classes:,}"
    words += f"; {tokens['mean']:g} tokens on average"
    if tokens["overlong"]:
        becomes = {"cut": "cut", "windows": "in windows", "tail": "kept from their end"}
        words += f", {tokens['overlong']:,} longer ones {becomes[field.block['overlong']]}"
    return words + (f", {empty:,} empty ones left out" if empty else "")


def _missing(data: DatasetPlan, field: str) -> str:
    missing = {split: number for split, number in data.missing.get(field, {}).items() if number}
    return (
        f"  missing: {', '.join(f'{split} {number:,}' for split, number in missing.items())}"
        if missing
        else ""
    )


def _component(kind: str, block: Mapping[str, Any]) -> str:
    """Return a component on one line: its type and what differs from its defaults."""
    given = _given(kind, block)
    target = given.pop("field", None) or ", ".join(given.pop("fields", None) or ())
    words = [
        str(value) if key in {"name", "path"} else f"{key} {_short(value)}" for key, value in given.items()
    ]
    text = " ".join([str(block["type"]), ", ".join(words)]).strip()
    return text + (f" on {target}" if target else "")


def _given(kind: str, block: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a block that differ from the component's defaults."""
    from declare.contract.component import plain
    from declare.contract.lookup import find

    found = find(kind, str(block["type"]))
    fields = found.model_fields if found else {}
    defaults = {info.alias or key: plain(info.default) for key, info in fields.items()}
    return {key: value for key, value in block.items() if key != "type" and value != defaults.get(key)}


def _short(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONG else f"{text[:_LONG]}..."


def _model(plan: Plan) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for name in ("  node", "type", "input", "output"):
        table.add_column(name, overflow="fold")
    for name in ("parameters", "FLOP", "activations"):
        table.add_column(name, justify="right", no_wrap=True)
    for node in plan.nodes:
        table.add_row(*(Text(cell) for cell in _node(node)))
    total = sum(node.total_parameters for node in plan.nodes)
    flops = [node.flops for node in plan.nodes]
    known = sum(value for value in flops if value is not None)
    table.add_row("  total", "", "", "", count(total), count(known), "", style="dim")
    table.caption = "  one sample, forward; 2 FLOP per multiply-add; activations in fp32"
    table.caption_justify = "left"
    return table


def _instances(node: ModulePlan) -> int:
    return len(node.datasets) if node.per_dataset else 1


def _node(node: ModulePlan) -> Sequence[str]:
    instances = f" x {_instances(node)} datasets" if node.per_dataset else ""
    inputs = ", ".join(f"{wire.name} {wire.shape}" for wire in node.wires)
    each = [variant.outputs for variant in node.variants.values()] or [node.outputs]
    outputs = ", ".join(dict.fromkeys(str(shape) for outputs in each for shape in outputs.values()))
    name = str(node.block.get("name") or "")
    kind = f"{node.block['type']} {name}".strip()
    return (
        f"  {node.path}{instances}",
        kind,
        inputs,
        outputs,
        count(node.total_parameters),
        count(node.flops),
        size(node.activation_bytes),
    )


def _tasks(plan: Plan) -> Iterator[str]:
    for name, task in plan.tasks.items():
        where = f" in {', '.join(task.datasets)}" if len(plan.datasets) > 1 else ""
        target = f" of {task.target_field}" if task.target_field else ""
        yield f"  {name}: {task.block['type']}{target}{where}, from {task.head}"
        if units := target_text(task):
            yield f"    target: {units}"
        yield f"    loss: {' + '.join(_losses(task))}" + (
            f", weight {task.weight:g}" if task.weight != 1 else ""
        )
        if task.metrics:
            yield f"    metrics: {', '.join(metric.name for metric in task.metrics)}"


def _losses(task: TaskPlan) -> Iterator[str]:
    for loss in task.losses:
        weight = f"{loss.weight:g} x " if loss.weight != 1 else ""
        classes = ""
        if loss.class_weights:
            classes = (
                f" (class weights {', '.join(figure(value) for value in loss.class_weights[:_MANY_CLASSES])})"
            )
        yield f"{weight}{loss.name}{classes}"


def _phases(plan: Plan) -> Iterator[str]:
    total = sum(node.total_parameters for node in plan.nodes)
    for number, phase in enumerate(plan.phases, 1):
        length = f"{phase.steps:,} steps = {phase.epochs:g} epochs of {phase.steps_per_epoch:,} steps"
        yield f"  {number}. {phase.name}: {length}"
        for name, text in _phase(phase, plan, total):
            if text:
                yield f"    {name + ':':<15}{text}"


def _phase(phase: PhasePlan, plan: Plan, total: int) -> Iterator[tuple[str, str]]:
    if len(plan.tasks) > 1:
        yield "tasks", ", ".join(f"{name} x {weight:g}" for name, weight in phase.tasks.items())
    yield "batch", _batch(phase)
    yield "scales", scales_text(phase.scales)
    yield "optimizer", _optimizer(phase)
    yield "learning rate", _rates(phase)
    yield "precision", "" if phase.precision == "auto" else phase.precision
    yield "trainable", f"{count(phase.trainable_parameters)} of {count(total)} parameters"
    yield "frozen", ", ".join(f"{item.match} ({_until(item)})" for item in phase.freeze)
    yield (
        "starts from",
        ", ".join(f"{item.source} {item.reference} ({', '.join(item.modules)})" for item in phase.init),
    )
    yield "evaluates", _evaluates(phase)
    yield "checkpoints", f"every {phase.checkpoint_every:,} steps, the last {phase.keep_checkpoints} kept"
    yield "memory", _memory(phase, plan)


def _until(freeze: FreezePlan) -> str:
    return "the whole phase" if freeze.until_step is None else f"until step {freeze.until_step:,}"


def _batch(phase: PhasePlan) -> str:
    parts = [f"{phase.batch_size:,} samples"]
    if len(phase.rows) > 1:
        how = "in turn" if phase.alternate else "together"
        parts.append(f"{how}: {', '.join(f'{name} {rows:,}' for name, rows in phase.rows.items())}")
    if phase.accumulate > 1:
        parts.append(f"in {phase.accumulate} micro-batches")
    return ", ".join(parts)


def _optimizer(phase: PhasePlan) -> str:
    given = _given("optimizers", phase.optimizer)
    text = ", ".join(f"{key} {_short(value)}" for key, value in given.items() if key not in {"groups", "lr"})
    text = f"{phase.optimizer['type']}, lr {phase.optimizer['lr']:g}" + (f", {text}" if text else "")
    for group in phase.groups if len(phase.groups) > 1 else ():
        text += f"; {group.match}: lr {group.lr:g}, {len(group.parameters)} tensors"
    return text


def _rates(phase: PhasePlan) -> str:
    rates = [rate for _, rate in phase.rates]
    if not rates:
        return ""
    warmup = f", {phase.warmup_steps:,} steps of warm-up" if phase.warmup_steps else ""
    curve = sparkline(rates, 32) if max(rates) > min(rates) else "flat"
    ends = (
        f"{rates[0]:.3g}, highest {max(rates):.3g}, last {rates[-1]:.3g}"
        if curve != "flat"
        else f"{rates[0]:.3g}"
    )
    return f"{curve}  {phase.schedule['type']}: {ends}{warmup}"


def _evaluates(phase: PhasePlan) -> str:
    text = f"every {phase.evaluate_every:,} steps"
    if phase.best:
        text += f"; best by {phase.best.metric} ({phase.best.mode})"
    if phase.early_stop:
        stop = phase.early_stop
        text += f"; stops early when {stop.metric} has not improved for {stop.patience_steps:,} steps"
    return text


def _memory(phase: PhasePlan, plan: Plan) -> str:
    """Return the estimate with its arithmetic."""
    from declare.compiler.memory import of_plan

    found = of_plan(plan, phase)
    if found is None:
        return "not known before the run"
    parts = " + ".join(f"{name} {size(value)}" for name, value in found._asdict().items() if value)
    return f"about {size(found.total)} = {parts}"


def _ending(plan: Plan) -> Iterator[str]:
    hardware = plan.hardware
    names = ("accelerator", "devices", "strategy", "compile", "determinism")
    asked = ", ".join(f"{name} {str(getattr(hardware, name)).lower()}" for name in names)
    yield f"Hardware: {asked}"
    if plan.tracking:
        yield f"Tracking: {', '.join(str(block['type']) for block in plan.tracking)}"
    for name, formula in plan.composites.items():
        yield f"Metric {name} = {formula}"
    for metric, bound in plan.expect.items():
        yield f"Expects {metric} {bound}"
