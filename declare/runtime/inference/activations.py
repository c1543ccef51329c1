"""Inside a model: what its modules give for real samples, and what is wrong with it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from declare.contract.lengths import lengths_name
from declare.contract.problem import Problem, ProblemError
from declare.diagnostics.suggest import suggest
from declare.ir.sample_lengths import Span, is_fixed, visits
from declare.lowering.data.loader import evaluation_batches
from declare.lowering.model.task_inputs import Views, model_view
from declare.lowering.training.task_losses import TaskLosses
from declare.runtime.inference.loaded_run import LoadedRun

_BATCH = 64
_NEAR = 0.01
"""Values this near to a bound, as a fraction of the range, are saturated."""
_BOUNDS: dict[type[nn.Module], tuple[float, float]] = {
    nn.Sigmoid: (0.0, 1.0),
    nn.Hardsigmoid: (0.0, 1.0),
    nn.Softmax: (0.0, 1.0),
    nn.Tanh: (-1.0, 1.0),
    nn.Hardtanh: (-1.0, 1.0),
    nn.ReLU6: (0.0, 6.0),
}
_CHANNELS_SECOND = (
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm),
)


@dataclass
class Activity:
    """Statistics of one output of a module over all samples; `shape` is that of one sample.

    `dead` of its `units` were zero for every sample and place. `saturated_share` is the fraction of values at the
    bounds of an activation that has some, None for others. `nonfinite` values are left out of the rest.
    """

    name: str
    type: str
    shape: tuple[int, ...]
    count: int = 0
    total: float = 0.0
    squares: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")
    zeros: int = 0
    nonfinite: int = 0
    at_bounds: int | None = None
    alive: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.bool))
    values: list[Tensor] = field(default_factory=list)

    def add(self, module: nn.Module, values: Tensor) -> None:
        """Take in the values of a batch."""
        flat = values.detach().double()
        finite = flat.isfinite()
        self.nonfinite += int((~finite).sum())
        self._see_units(module, flat.nan_to_num())
        finite_values = flat[finite]
        if not finite_values.numel():
            return
        self.count += finite_values.numel()
        self.total += float(finite_values.sum())
        self.squares += float(finite_values.square().sum())
        self.low, self.high = (
            min(self.low, float(finite_values.min())),
            max(self.high, float(finite_values.max())),
        )
        self.zeros += int((finite_values == 0).sum())
        if type(module) in _BOUNDS:
            lower, upper = _BOUNDS[type(module)]
            margin = _NEAR * (upper - lower)
            self.at_bounds = (self.at_bounds or 0) + int(
                ((finite_values < lower + margin) | (finite_values > upper - margin)).sum()
            )

    def _see_units(self, module: nn.Module, values: Tensor) -> None:
        """Record which units were ever active; units are channels, or the last axis of features."""
        if values.dim() < 2:
            return
        axis = 1 if values.dim() >= 4 or isinstance(module, _CHANNELS_SECOND) else values.dim() - 1
        alive = (values != 0).movedim(axis, 0).flatten(1).any(1).cpu()
        self.alive = alive if len(self.alive) != len(alive) else self.alive | alive

    @property
    def mean(self) -> float:
        """The mean of all finite values."""
        return self.total / self.count if self.count else float("nan")

    @property
    def std(self) -> float:
        """The standard deviation of all finite values."""
        if not self.count:
            return float("nan")
        return max(0.0, self.squares / self.count - self.mean**2) ** 0.5

    @property
    def units(self) -> int:
        """How many units it has."""
        return len(self.alive)

    @property
    def dead(self) -> int:
        """How many units were never active."""
        return int((~self.alive).sum())

    @property
    def saturated_share(self) -> float | None:
        """Return the fraction of values at the bounds."""
        return None if self.at_bounds is None else self.at_bounds / max(1, self.count)

    def plain(self) -> dict[str, Any]:
        """Return the statistics as plain values; what is not defined is None."""
        has_values = self.count > 0
        return {
            "name": self.name,
            "type": self.type,
            "shape": list(self.shape),
            "mean": self.mean if has_values else None,
            "std": self.std if has_values else None,
            "min": self.low if has_values else None,
            "max": self.high if has_values else None,
            "zeros": self.zeros / self.count if has_values else None,
            "units": self.units,
            "dead": self.dead,
            "saturated": self.saturated_share,
            "nonfinite": self.nonfinite,
        }


@dataclass(frozen=True)
class Inspection:
    """What was seen: activities in the order of execution, and the first module that made a number not finite."""

    activities: tuple[Activity, ...]
    source: str | None
    num_samples: int


def inspect(run: LoadedRun, patterns: Sequence[str], *, samples: int, keep: bool) -> Inspection:
    """Return the activity of the modules that `patterns` match, over at most so many samples.

    With `keep`, the activations themselves stay in `Activity.values` [samples, ...]. Raises `ProblemError`
    (REF202) if a pattern matches no module.
    """
    names = matching_modules(run.graph, patterns)
    watch = _ActivationRecorder(names, keep=keep)
    samples_left = samples
    with torch.no_grad(), watch.hooks(run.graph):
        for fields, lengths in _batches(run, samples):
            with _real_steps(run, lengths, watch):
                _run_model(run, fields)
            samples_left -= len(next(iter(fields.values())))
    return Inspection(tuple(watch.activities.values()), watch.source, samples - samples_left)


def matching_modules(graph: nn.Module, patterns: Sequence[str]) -> list[str]:
    """Return the names of the modules that patterns match, in the model's order."""
    names = [name for name, _ in graph.named_modules() if name]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            suggestions = suggest(pattern.rstrip(".*"), names)
            helps = (
                (f"use `{suggestions[0]}` or `{suggestions[0]}.*`",)
                if suggestions
                else (f"there is {', '.join(names[:6])}",)
            )
            raise ProblemError(Problem("REF202", f"`{pattern}` matches no module of the model", helps=helps))
    return [name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)]


def _batches(run: LoadedRun, samples: int) -> Iterator[tuple[Mapping[str, Tensor], dict[str, int]]]:
    """Yield batches of samples that are equally long, with the steps of each field whose samples differ in length."""
    batches = evaluation_batches(run.tables, run.dataset, run.split, min(_BATCH, samples), run.device)
    for fields in batches:
        size = len(next(iter(fields.values())))
        yield from _equally_long(run, {name: value[:samples] for name, value in fields.items()})
        samples -= size
        if samples <= 0:
            return


def _equally_long(
    run: LoadedRun, fields: Mapping[str, Tensor]
) -> Iterator[tuple[Mapping[str, Tensor], dict[str, int]]]:
    """Yield the rows of a batch in their order, those together that are equally long: no padding is looked at."""
    plans = run.plan.datasets[run.dataset].fields
    uneven = [name for name in fields if name in plans and plans[name].has_lengths]
    lengths = {name: _lengths(fields, name) for name in uneven}
    rows = list(zip(*lengths.values(), strict=True)) or [()] * len(next(iter(fields.values())))
    for row_lengths, part in groupby(range(len(rows)), key=rows.__getitem__):
        places = list(part)
        rows_of_fields = {name: value[places[0] : places[-1] + 1] for name, value in fields.items()}
        for name, length in zip(lengths, row_lengths, strict=True):
            shape = plans[name].shape
            if not is_fixed(shape):
                rows_of_fields[name] = rows_of_fields[name].narrow(1 + (shape.time_axis or 0), 0, length)
        yield rows_of_fields, dict(zip(lengths, row_lengths, strict=True))


@contextmanager
def _real_steps(run: LoadedRun, lengths: Mapping[str, int], watch: "_ActivationRecorder") -> Iterator[None]:
    """While inside, nodes are seen on the steps that samples have, if these are filled up to a stated length.

    Each such node runs a second time on the steps of its inputs that there are: that alone is seen. One that reads
    what a sample is filled up with, or is made for one length, is seen on all of it.
    """
    plan, dataset = run.plan, run.dataset
    spans = {
        name: Span(name, is_fixed(plan.datasets[dataset].fields[name].shape), (length,))
        for name, length in lengths.items()
    }
    patched_modules = []
    for visit in visits(plan.nodes, dataset, spans):
        steps = [
            (1 + (wire.shape.time_axis or 0), span.counts[0]) if span is not None and span.fixed else None
            for wire, span in visit.wires
        ]
        if visit.component.padding_policy() is not None and any(steps):
            path = f"{visit.node.path}.{dataset}" if visit.node.per_dataset else visit.node.path
            module = run.graph.modules_by_path[path]
            module.forward = _ForwardOnRealSteps(module, steps, watch)
            patched_modules.append(module)
    try:
        yield
    finally:
        for module in patched_modules:
            del module.forward


class _ForwardOnRealSteps:
    """A module's forward on whole tensors, unseen, and on the steps that samples have."""

    def __init__(
        self, module: nn.Module, steps: Sequence[tuple[int, int] | None], watch: "_ActivationRecorder"
    ) -> None:
        self._module, self._forward, self._steps, self._watch = module, module.forward, steps, watch

    def __call__(self, *values: Tensor, **keywords: Any) -> Any:
        real = [
            value if step is None else value.narrow(step[0], 0, step[1])
            for value, step in zip(values, self._steps, strict=True)
        ]
        with self._watch.pause():
            output, fits = self._forward(*values, **keywords), False
            with suppress(RuntimeError, ValueError):  # it may be made for one length
                self._forward(*real, **keywords)
                fits = True
        self._watch.replaced_outputs[id(self._module)] = self._forward(
            *(real if fits else values), **keywords
        )
        return output


def _lengths(fields: Mapping[str, Tensor], name: str) -> list[int]:
    stored_lengths = fields.get(lengths_name(name))
    lengths = (fields[name] >= 0).sum(1).clamp_min(1) if stored_lengths is None else stored_lengths
    return [int(length) for length in lengths]


def _run_model(run: LoadedRun, fields: Mapping[str, Tensor]) -> None:
    """Run the model as its tasks do; one that hides its target goes by what the samples hold."""
    tasks = {name: task for name, task in run.plan.tasks.items() if run.dataset in task.datasets}
    adapters = {name: TaskLosses(task).of(run.dataset).adapter for name, task in tasks.items()}
    views = Views(adapters, {name: [run.dataset] for name in tasks})
    plain = tuple(name for name in tasks if name not in views.masking_tasks)
    if plain:
        run.graph({run.dataset: fields}, plain)
        return
    missing = next(
        (tasks[name].target_field for name in views.masking_tasks if tasks[name].target_field not in fields),
        None,
    )
    if missing is not None:
        title = f"the model reads `{missing}`, which new samples do not have"
        raise ProblemError(Problem("RES817", title, helps=("use its own samples: `--split val`",)))
    if views.masking_tasks:
        batch = views.with_views({run.dataset: fields}, run.plan.seed)[run.dataset]
        run.graph({run.dataset: model_view(views.masking_tasks[0], batch)}, views.masking_tasks[:1])


class _ActivationRecorder:
    """Records the outputs of modules while it is on."""

    def __init__(self, names: Sequence[str], *, keep: bool) -> None:
        self._names, self._keep = set(names), keep
        self.activities: dict[str, Activity] = {}
        self.replaced_outputs: dict[int, Any] = {}
        """What to look at in the place of a module's output, by the module's identity."""
        self._is_paused = False
        self.source: str | None = None

    @contextmanager
    def hooks(self, graph: nn.Module) -> Iterator[None]:
        """Listen to every module of a graph."""
        handles = [
            module.register_forward_hook(self._hook(name)) for name, module in graph.named_modules() if name
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    @contextmanager
    def pause(self) -> Iterator[None]:
        """See nothing while inside."""
        self._is_paused = True
        try:
            yield
        finally:
            self._is_paused = False

    def _hook(self, name: str) -> Any:
        def record(module: nn.Module, inputs: Any, output: Any) -> None:
            if self._is_paused:
                return
            tensors = dict(_tensors(self.replaced_outputs.pop(id(module), output)))
            self._find_source(name, inputs, tensors)
            if name in self._names:
                for part, values in tensors.items():
                    self._add(f"{name}:{part}" if part else name, module, values)

        return record

    def _find_source(self, name: str, inputs: Any, outputs: Mapping[str, Tensor]) -> None:
        """Remember the first module that gives what is not finite although it was given only what is."""
        if self.source is None and not all(_finite(value) for value in outputs.values()):
            input_tensors = [value for item in inputs for _, value in _tensors(item)]
            if all(_finite(value) for value in input_tensors):
                self.source = name

    def _add(self, name: str, module: nn.Module, values: Tensor) -> None:
        if not values.is_floating_point():
            return
        if name not in self.activities:
            self.activities[name] = Activity(name, type(module).__name__, tuple(values.shape[1:]))
        self.activities[name].add(module, values)
        if self._keep:
            self.activities[name].values.append(values.detach().float().cpu())


def _finite(value: Tensor) -> bool:
    return not value.is_floating_point() or bool(value.isfinite().all())


def _tensors(output: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    if isinstance(output, Tensor):
        yield name, output
    elif isinstance(output, Mapping):
        for key, value in output.items():
            yield from _tensors(value, f"{name}.{key}" if name else str(key))
    elif isinstance(output, list | tuple):
        for index, value in enumerate(output):
            yield from _tensors(value, f"{name}.{index}" if name else str(index))
