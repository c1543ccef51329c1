"""Evaluation: metrics and losses of tasks on a split, for each dataset and overall."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from declare.build.composites import composites
from declare.build.graph import Graph
from declare.build.objective import TaskLosses
from declare.build.views import Views, known, shown
from declare.contract import reading
from declare.ir.plan import Plan, TaskPlan

Fields = Mapping[str, Tensor]
Batches = Callable[[str, str, int], Iterator[Fields]]
"""(dataset, split, batch size) -> batches of that split in order."""
_ELEMENTS = 2**22
_LARGEST = 4096


class Scores:
    """Losses and metrics of one task over what was seen so far. Metrics share the sums that they need."""

    def __init__(self, task: TaskPlan, losses: TaskLosses) -> None:
        self._losses = losses
        self._metrics = {
            metric.name: reading.parse("metrics", metric.block).build(task.target) for metric in task.metrics
        }
        shared: dict[Any, Any] = {}
        for metric in self._metrics.values():
            accumulator = getattr(metric, "accumulator", None)
            if accumulator is None:
                shared[id(metric)] = metric
            else:
                metric.accumulator = shared.setdefault(accumulator.key, accumulator)
        self._updated = list(shared.values())
        self._sums: list[list[Tensor | float]] = [[0.0, 0.0] for _ in losses.names]

    def update(
        self, losses: Sequence[tuple[Tensor, Tensor | float]], prediction: Tensor, target: Tensor
    ) -> None:
        """Take in a batch: (sum, weight) of each loss, and what the metrics compare."""
        for sums, (total, weight) in zip(self._sums, losses, strict=True):
            sums[0] = sums[0] + total
            sums[1] = sums[1] + weight
        if len(target):
            for item in self._updated:
                item.update(prediction, target)

    def results(self) -> dict[str, float]:
        """Return `loss` and every metric; NaN for one that is not defined on these samples."""
        found = {"loss": 0.0}
        for (total, weight), share in zip(self._sums, self._losses.shares, strict=True):
            valid = float(weight)
            found["loss"] += share * float(total) / valid if valid else math.nan
        return found | {name: float(metric.compute()) for name, metric in self._metrics.items()}


class Evaluator:
    """Evaluates the tasks of a plan with a graph as it stands (averaged weights are the caller's business).

    `tables` are the open tables of the feed. `autocast` is the type that the forward pass computes in, None
    for its own. `batches` may stand in for the feed.
    """

    def __init__(
        self,
        plan: Plan,
        graph: Graph,
        tables: Any,
        device: torch.device,
        *,
        autocast: torch.dtype | None = None,
        batches: Batches | None = None,
    ) -> None:
        self._plan, self._graph, self._device = plan, graph, device
        self._batches = batches or _feed(plan, tables, device)
        self.autocast = autocast
        self._losses = {name: TaskLosses(task).to(device).eval() for name, task in plan.tasks.items()}
        adapters = {name: losses.adapter for name, losses in self._losses.items()}
        self._views = Views(adapters, {name: task.datasets for name, task in plan.tasks.items()})

    @torch.no_grad()
    def run(self, split: str, tasks: Sequence[str] | None = None) -> dict[str, float]:
        """Return `SPLIT/TASK/METRIC`, and `SPLIT/TASK@DATASET/METRIC` where a task has several datasets.

        `loss` is one of the metrics; composites follow where all their metrics are there. Tasks without
        samples in the split are left out; a metric that is not defined is NaN.
        """
        scores: dict[str, Scores] = {}
        with _evaluating(self._graph):
            for dataset, plan in self._plan.datasets.items():
                present = [
                    name for name in tasks or self._plan.tasks if dataset in self._plan.tasks[name].datasets
                ]
                if present and plan.splits.get(split, 0):
                    self._measure(dataset, split, present, scores)
        found = {
            f"{split}/{name}/{metric}": value
            for name, score in scores.items()
            for metric, value in score.results().items()
        }
        return found | composites(self._plan.composites, found)

    def _measure(self, dataset: str, split: str, tasks: Sequence[str], scores: dict[str, Scores]) -> None:
        """Run a dataset's split through the graph and add it to the scores of its tasks."""
        targets = {task: self._scores_of(task, dataset, scores) for task in tasks}
        plain = [task for task in tasks if task not in self._views.hiding]
        for number, fields in enumerate(self._batches(dataset, split, self._batch_size(dataset))):
            whole = self._views.prepared({dataset: fields}, self._plan.seed + number)[dataset]
            with self._casting():
                outputs = self._graph({dataset: fields}, plain) if plain else {}
                for task in self._views.hiding:
                    if task in targets:
                        outputs |= self._graph({dataset: shown(task, whole)}, (task,))
            for task, own in targets.items():
                losses, output = self._losses[task], outputs[task][dataset].float()
                adapter, seen = losses.adapter, known(task, whole)
                sums = losses(output, adapter.target(seen))
                prediction, target = adapter.scores(output, seen)
                for score in own:
                    score.update(sums, prediction, target)

    def _scores_of(self, task: str, dataset: str, scores: dict[str, Scores]) -> list[Scores]:
        """Return the scores that samples of a dataset count for: the task's, and the dataset's own."""
        plan = self._plan.tasks[task]
        names = [task] if len(plan.datasets) == 1 else [task, f"{task}@{dataset}"]
        for name in names:
            if name not in scores:
                scores[name] = Scores(plan, self._losses[task])
        return [scores[name] for name in names]

    def _casting(self) -> AbstractContextManager[Any]:
        if self.autocast is None:
            return nullcontext()
        return torch.autocast(self._device.type, self.autocast)

    def _batch_size(self, dataset: str) -> int:
        """Return at least the training batch size, and more where samples are small."""
        elements = sum(field.shape.numel or 0 for field in self._plan.datasets[dataset].fields.values())
        # A vocabulary at every position outgrows the text by far.
        given = [shape.numel or 0 for node in self._plan.nodes for shape in node.outputs.values()]
        fitting = min(_LARGEST, _ELEMENTS // max(elements, *given, 1))
        trained = [phase.rows.get(dataset, 0) for phase in self._plan.phases]
        return max(fitting, *trained, 1)


def _feed(plan: Plan, tables: Any, device: torch.device) -> Batches:
    from declare.build.feed import evaluation_batches

    def batches(dataset: str, split: str, batch_size: int) -> Iterator[Fields]:
        return evaluation_batches(plan, dataset, split, tables, batch_size, device)

    return batches


@contextmanager
def _evaluating(graph: nn.Module) -> Iterator[None]:
    """Put a graph into evaluation mode and leave it as it was."""
    modes = [(module, module.training) for module in graph.modules()]
    graph.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
