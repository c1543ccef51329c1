"""Gathering a report from a plan, and from what a run left in its folder."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from declare.contract.problem import Problem, ProblemError
from declare.ir.plan import DatasetPlan, ModulePlan, PhasePlan, Plan, TaskPlan, Wire
from declare.report.incidents import incidents
from declare.report.phrases import scales_text, target_text
from declare.report.report import Curve, Dataset, Layer, Node, Notice, Phase, Report, Task, Throughput
from declare.report.restarts import starts, status_text
from declare.runtime.run_folder.trivial_baseline import split_baseline

Event = Mapping[str, Any]
Layers = Mapping[str, tuple[Layer, ...]]


class RunRecord(Protocol):
    """What a report reads of a run (`declare.runtime.run_folder.folder.Run`)."""

    @property
    def plan(self) -> Plan:
        """The plan that it ran."""

    @property
    def status(self) -> str:
        """One word: finished, stopped, failed, running."""

    @property
    def final(self) -> Mapping[str, float | None]:
        """Final metrics, empty before the end."""

    def events(self) -> Iterable[Event]:
        """Everything that happened, in order."""

    def metrics(self) -> Iterable[Mapping[str, Any]]:
        """Rows of `metrics.csv`: phase, step, epoch, metric, value."""


def of_plan(plan: Plan, layers: Layers | None = None) -> Report:
    """Report a plan; `layers` gives the module tree by node path (`declare.report.layers`)."""
    nodes = tuple(_node(node, (layers or {}).get(node.path, ())) for node in plan.nodes)
    return Report(
        name=plan.name,
        description=plan.description,
        status="planned",
        plan_sha256=plan.sha256,
        seed=plan.seed,
        total_parameters=sum(node.parameters for node in nodes),
        datasets=tuple(_dataset(name, data) for name, data in plan.datasets.items()),
        nodes=nodes,
        tasks=tuple(_task(name, task, plan) for name, task in plan.tasks.items()),
        phases=tuple(_phase(phase) for phase in plan.phases),
        expect=plan.expect,
        trusted=plan.trusted,
    )


def of_run(run: RunRecord, layers: Layers | None = None) -> Report:
    """Report a run: its plan, its events and its metrics."""
    planned = of_plan(run.plan, layers)
    try:
        return _of_run(run, planned, list(run.events()))
    except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        title = f"the events of `{planned.name[:36]}` are not those of a run"
        notes = (f"{type(error).__name__}: {error}"[:200],)
        helps = ("report the run's spec instead: its progress is unknown",)
        raise ProblemError(Problem("RES808", title, notes=notes, helps=helps)) from error


def _of_run(run: RunRecord, planned: Report, events: list[Event]) -> Report:
    """Return the report of a plan with what happened in a run of it."""
    metrics, trivial = split_baseline(run.final)
    return planned.model_copy(
        update={
            "status": status_text(run.status, events),
            "starts": starts(events),
            "phases": tuple(_with_events(phase, events) for phase in planned.phases),
            "throughput": tuple(_throughput(events)),
            "curves": tuple(_curves(run)),
            "metrics": metrics,
            "trivial": trivial or _trivial(events),
            "oracle": bound_metrics(run.plan, events),
            "notices": (*_notices(events), *_undefined_losses(events)),
            "incidents": tuple(incidents(events)),
        }
    )


def _wire(wire: Wire) -> str:
    output = f".{wire.output}" if wire.output and wire.output != "output" else ""
    return f"{wire.name}{output}"


def _node(node: ModulePlan, layers: tuple[Layer, ...]) -> Node:
    variants = list(node.variants.values())
    return Node(
        path=node.path,
        type=str(node.block["type"]),
        role=node.role,
        inputs=tuple(_wire(wire) for wire in node.wires),
        outputs={name: str(shape) for name, shape in node.outputs.items()},
        per_dataset=node.per_dataset,
        instances=max(1, len(variants)) if node.per_dataset else 1,
        parameters=sum(v.parameters for v in variants) if node.per_dataset and variants else node.parameters,
        forward_flops=node.flops,
        # The backward pass of a matmul or convolution is two products of the forward's size.
        backward_flops=None if node.flops is None else 2 * node.flops,
        activation_bytes=node.activation_bytes,
        layers=layers,
    )


def _dataset(name: str, data: DatasetPlan) -> Dataset:
    counts = {
        field: dict(zip(plan.facts.classes, plan.facts.counts["train"], strict=False))
        for field, plan in data.fields.items()
        if plan.facts.classes and plan.facts.counts.get("train") and plan.shape.layout != "id"
    }
    return Dataset(
        name=name,
        source=str(data.source["type"]),
        num_samples=data.num_samples,
        splits=data.splits,
        fields={field: str(plan.shape) for field, plan in data.fields.items()},
        class_counts=counts,
        missing={
            field: plan.facts.num_missing for field, plan in data.fields.items() if plan.facts.num_missing
        },
    )


def _task(name: str, task: TaskPlan, plan: Plan) -> Task:
    return Task(
        name=name,
        type=str(task.block["type"]),
        datasets=task.datasets,
        target=task.target_field,
        head=task.head,
        losses=tuple(loss.name for loss in task.losses),
        metrics=tuple(metric.name for metric in task.metrics),
        weight=task.weight,
        units=target_text(task),
        trained_last=plan.trained_earlier.get(name, ""),
    )


def _phase(phase: PhasePlan) -> Phase:
    return Phase(
        name=phase.name,
        tasks=phase.tasks,
        steps=phase.steps,
        epochs=phase.epochs,
        batch_size=phase.batch_size,
        optimizer=str(phase.optimizer["type"]),
        rates=phase.rates,
        trainable_parameters=phase.trainable_parameters,
        memory_bytes=phase.memory_bytes,
        best=f"{phase.best.metric} ({phase.best.mode})" if phase.best else None,
        scales=scales_text(phase.scales),
    )


def _of_phase(events: list[Event], phase: str, kind: str) -> list[Event]:
    return [event for event in events if event.get("phase") == phase and event.get("event") == kind]


def _with_events(phase: Phase, events: list[Event]) -> Phase:
    steps = [int(event["step"]) for event in events if event.get("phase") == phase.name and "step" in event]
    return phase.model_copy(
        update={
            "steps_done": max(steps, default=0),
            "stopped_early": bool(_of_phase(events, phase.name, "early_stopped")),
        }
    )


def _throughput(events: list[Event]) -> Iterable[Throughput]:
    for event in events:
        if event.get("event") == "throughput":
            yield Throughput(
                phase=str(event["phase"]),
                samples_per_second=float(event["samples_per_second"]),
                steps_per_second=float(event["steps_per_second"]),
                seconds={str(name): float(value) for name, value in event["seconds"].items()},
            )


def _trivial(events: Iterable[Event]) -> dict[str, float]:
    """Return what the trivial baseline reached in evaluations of a run that has not ended."""
    metrics: dict[str, float] = {}
    for event in events:
        if event.get("event") == "trivial":
            metrics |= event["metrics"]
    return metrics


def bound_metrics(plan: Plan, events: Iterable[Event]) -> dict[str, float]:
    """Return the best possible values of metrics of which more is better."""
    metrics: dict[str, float] = {}
    for event in events:
        if event.get("event") == "oracle":
            metrics = dict(event["metrics"])
    rising = {metric.name for task in plan.tasks.values() for metric in task.metrics if metric.mode == "max"}
    return {
        name: value
        for name, value in metrics.items()
        if isinstance(value, float) and name.rpartition("/")[2] in rising
    }


def _curves(run: RunRecord) -> Iterable[Curve]:
    """Curves over the global step: phases follow one another, so steps of earlier phases are added."""
    offsets, before = {}, 0
    for phase in run.plan.phases:
        offsets[phase.name] = before
        before += phase.steps
    points: dict[str, set[tuple[int, float]]] = {}
    for row in run.metrics():
        _add(points, offsets, row)
    for name, values in points.items():
        finite = tuple(sorted(item for item in values if math.isfinite(item[1])))
        undefined = {step for step, value in values if not math.isfinite(value)}
        if finite:
            yield Curve(name=name, points=finite, undefined=tuple(sorted(undefined)))


def _add(points: dict[str, set[tuple[int, float]]], offsets: dict[str, int], row: Event) -> None:
    """Add a row of `metrics.csv`."""
    try:
        number = float(row["value"])
    except (TypeError, ValueError):
        return
    if row.get("phase") in offsets:
        step = offsets[str(row["phase"])] + int(row["step"])
        points.setdefault(str(row["metric"]), set()).add((step, number))


_TOLD = {
    "choice": "{name} = {value} ({reason})",
    "early_stopped": "stopped early: {metric} no longer improved",
    "init_report": (
        "weights from {source}: {loaded} loaded, {missing} missing, "
        "{unexpected} unexpected, {reshaped} reshaped"
    ),
    "expect_missed": "{metric} is {value}, expected {bound}",
    "no_better_than_trivial": "{metric} is {value}, no better than the trivial baseline ({trivial})",
}


def _undefined_losses(events: list[Event]) -> Iterable[Notice]:
    """Yield evaluations in which a task's loss had no finite value, one notice for each task and phase."""
    seen: dict[tuple[str | None, str], list[Event]] = {}
    for event in events:
        for name, value in event["metrics"].items() if event.get("event") == "evaluated" else ():
            if value is None and name.endswith("/loss"):
                seen.setdefault((event.get("phase"), name), []).append(event)
    for (phase, name), evaluations in seen.items():
        yield Notice(
            kind="evaluated",
            text=f"{name} is not finite in {len(evaluations)} evaluations, first at step "
            f"{evaluations[0].get('step')}: predictions that are no numbers, or no known target",
            phase=phase,
            step=evaluations[-1].get("step"),
        )


class _Blank(dict[str, Any]):
    """Fills absent values of an event with a question mark: an old run must still be readable."""

    def __missing__(self, key: str) -> str:
        return "?"


def _notices(events: list[Event]) -> Iterable[Notice]:
    for event in events:
        template = _TOLD.get(str(event.get("event")))
        if template:
            values = {key: len(value) if isinstance(value, list) else value for key, value in event.items()}
            values = {key: "undefined" if value is None else value for key, value in values.items()}
            yield Notice(
                kind=str(event["event"]),
                text=template.format_map(_Blank(values)),
                phase=event.get("phase"),
                step=event.get("step"),
            )
