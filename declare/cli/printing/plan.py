"""A plan on the terminal: what will happen, from the data to the last phase."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from declare.cli.printing.components import component, parameters, short
from declare.cli.printing.cost_table import render_costs
from declare.cli.printing.phases import phase_lines
from declare.contract.kinds.metric import Metric
from declare.ir.plan import DatasetPlan, FieldPlan, ModulePlan, Plan, TaskPlan, Wire
from declare.parsing.lookup import find
from declare.report.number_format import count, counts_text, format_number, size
from declare.report.phrases import target_text

_MANY_CLASSES = 12
_LEARNED = frozenset({"tokenizer", "overlong"})
"""Parameters of fields that are printed in the sentence about their text."""
_WIRED = frozenset({"input", "per_dataset", "name"})
"""Parameters of nodes that are printed in the table."""
_SAID = frozenset({"dataset", "datasets", "target", "mask", "head", "loss", "metrics", "weight"})
"""Parameters of tasks that are printed separately."""


def render(plan: Plan, console: Console) -> None:
    """Print data, modules, tasks, phases and hardware of `plan`."""
    console.print(Text.assemble((plan.name, "bold"), f"  plan {plan.sha256[:12]}, seed {plan.seed}"))
    if plan.description:
        console.print(Text(plan.description))
    for title, lines in (
        ("Data", _data(plan)),
        ("Model", _node_settings(plan)),
        ("Tasks", _tasks(plan)),
        ("Phases", phase_lines(plan)),
    ):
        console.print()
        console.print(Text(title, style="bold"))
        if title == "Model":
            console.print(_model(plan))
        for line in lines:
            console.print(Text(line), soft_wrap=True)
    if plan.costs:
        console.print()
        console.print(Text("Costs", style="bold"))
        render_costs(plan.costs, console)
    console.print()
    for line in _last_lines(plan):
        console.print(Text(line), soft_wrap=True)


def _data(plan: Plan) -> Iterator[str]:
    for name, data in plan.datasets.items():
        splits = ", ".join(f"{split} {number:,}" for split, number in data.splits.items())
        yield f"  {name}: {component('sources', data.source)}; {data.num_samples:,} samples ({splits})"
        if data.passed_over:
            yield f"skipped: {counts_text(data.passed_over)}"
        width = max(map(len, data.fields)) + 2
        for field, facts in data.fields.items():
            details = f"{_field(facts)}{_settings(facts)}{_read_as(facts)}{_missing(data, field)}"
            yield f"    {field:<{width}}{facts.shape}{details}"
        if data.transforms:
            steps = (component("transforms", block) for block in data.transforms)
            yield f"    transforms: {'; '.join(steps)}"
        settings = {key: value for key, value in data.split.items() if value not in (None, {})}
        if settings:
            yield f"    split: {', '.join(f'{key} {value}' for key, value in settings.items())}"
        if reading := _reading(data):
            yield f"    reading: {reading}"


def _reading(data: DatasetPlan) -> str:
    """Return how a dataset is read, if that is not as usual."""
    parts = [] if data.limit is None else [f"at most {data.limit:,} samples"]
    if data.cache != "auto":
        parts.append(f"cache {data.cache}")
    if data.on_corrupt != {"action": "error"} and data.on_corrupt.get("action") != "error":
        parts.append(f"corrupt samples: {short(data.on_corrupt)}")
    return "; ".join(parts)


def _settings(field: FieldPlan) -> str:
    """Return what the spec states of a field besides its type."""
    stated = {key: value for key, value in parameters("fields", field.block).items() if key not in _LEARNED}
    return f"  ({', '.join(f'{key} {short(value)}' for key, value in stated.items())})" if stated else ""


def _read_as(field: FieldPlan) -> str:
    """Return how texts of a column are read, if that follows from the column."""
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
        return f"  mean {format_number(facts.mean)}, std {format_number(facts.std)}"
    return f"  {format_number(facts.rate)} Hz" if facts.rate else ""


def _text(field: FieldPlan) -> str:
    """Return a description of a text: its tokenizer, the length of samples, and the treatment of longer ones."""
    tokens, empty = field.facts.extra["tokens"], field.facts.extra.get("empty", 0)
    words = f"  {component('tokenizers', field.block['tokenizer'])}, vocabulary {field.shape.classes:,}"
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


def _model(plan: Plan) -> Table:
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
    lines = ["  one sample, forward; 2 FLOP per multiply-add; activations in fp32", *_left_out(plan)]
    table.caption = "\n".join(lines)
    table.caption_justify = "left"
    return table


def _node_settings(plan: Plan) -> Iterator[str]:
    """Yield what the spec states of a node besides its type and inputs."""
    for node in plan.nodes:
        kind = "heads" if node.role == "head" else "modules"
        stated = parameters(kind, node.block)
        words = [f"{key} {short(value)}" for key, value in stated.items() if key not in _WIRED]
        if words:
            yield f"  {node.path}: {', '.join(words)}"


def _left_out(plan: Plan) -> Iterator[str]:
    """Yield what modules never look at."""
    for node in plan.nodes:
        for item in node.left_out:
            yield (
                f"  {node.path} leaves out {item.unused:,} of {item.size:,} ({item.axis}), "
                f"{item.unused / item.size:.1%} of its input"
            )


def _instances(node: ModulePlan) -> int:
    return len(node.datasets) if node.per_dataset else 1


def _node(node: ModulePlan) -> Sequence[str]:
    instances = f" x {_instances(node)} datasets" if node.per_dataset else ""
    inputs = ", ".join(f"{wire.name}{_output(wire)} {wire.shape}" for wire in node.wires)
    variants = [variant.outputs for variant in node.variants.values()] or [node.outputs]
    outputs = ", ".join(dict.fromkeys(str(shape) for outputs in variants for shape in outputs.values()))
    kind = f"{node.block['type']} {node.block.get('name') or ''}".strip()
    return (
        f"  {node.path}{instances}",
        kind,
        inputs,
        outputs,
        count(node.total_parameters),
        count(node.flops),
        size(node.activation_bytes),
    )


def _output(wire: Wire) -> str:
    """Return the name of the output that a wire takes, unless it is the usual one."""
    return "" if wire.output in {None, "output"} else f".{wire.output}"


def _tasks(plan: Plan) -> Iterator[str]:
    for name, task in plan.tasks.items():
        where = f" in {', '.join(task.datasets)}" if len(plan.datasets) > 1 else ""
        target = f" of {task.target_field}" if task.target_field else ""
        kind = component("tasks", task.block, _SAID)
        mask = f", if {task.mask} is true" if task.mask else ""
        yield f"  {name}: {kind}{target}{where}{mask}, from {task.head}"
        if units := target_text(task):
            yield f"    target: {units}"
        yield f"    loss: {' + '.join(_losses(task))}" + (
            f", weight {short(task.weight)}" if task.weight != 1 else ""
        )
        if task.metrics:
            yield f"    metrics: {', '.join(_metrics(plan, name))}"


def _metrics(plan: Plan, task: str) -> Iterator[str]:
    """Yield the names of metrics, with a note at those of several heads that are the mean of the datasets' values."""
    has_own_heads = plan.has_own_heads(task)
    for metric in plan.tasks[task].metrics:
        cls = find("metrics", str(metric.block["type"])) if has_own_heads else None
        is_mean = cls is not None and issubclass(cls, Metric) and not cls.pools_heads
        yield f"{metric.name} (the mean over the datasets)" if is_mean else metric.name


def _losses(task: TaskPlan) -> Iterator[str]:
    for loss in task.losses:
        weight = f"{short(loss.weight)} x " if loss.weight != 1 else ""
        classes = ""
        if loss.class_weights:
            weights = ", ".join(format_number(value) for value in loss.class_weights[:_MANY_CLASSES])
            classes = f" (class weights {weights})"
        yield f"{weight}{component('losses', loss.block, {'weight'})}{classes}"


def _last_lines(plan: Plan) -> Iterator[str]:
    hardware = plan.hardware
    names = ("accelerator", "devices", "nodes", "strategy", "compile", "workers", "determinism")
    settings = ", ".join(f"{name} {str(getattr(hardware, name)).lower()}" for name in names)
    limit = hardware.memory_limit_bytes
    yield f"Hardware: {settings}" + ("" if limit is None else f", memory limit {size(limit)}")
    if plan.tracking:
        yield f"Tracking: {', '.join(str(block['type']) for block in plan.tracking)}"
    for name, formula in plan.composites.items():
        yield f"Metric {name} = {formula}"
    for metric, bound in plan.expect.items():
        yield f"Expects {metric} {bound}"
    if plan.tune:
        yield from _search(plan.tune)


def _search(tune: Mapping[str, Any]) -> Iterator[str]:
    """Yield what `dcl tune` searches; `dcl train` trains the spec as it is."""
    how = ", ".join(f"{key} {tune[key]}" for key in ("trials", "sampler", "pruner", "engine"))
    yield f"Search of `dcl tune`: {tune['metric']} ({tune['mode']}); {how}"
    for path, space in tune["space"].items():
        yield f"  {path}: {short(space)}"
