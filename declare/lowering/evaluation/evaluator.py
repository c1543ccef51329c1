"""Evaluation: metrics and losses of tasks on a split, for each dataset and overall."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from declare.contract.kinds.task import Target
from declare.ir.composites import composites
from declare.ir.plan import Plan, TaskPlan
from declare.lowering.evaluation.baselines import Baselines
from declare.lowering.evaluation.interruption import NEVER, Interruption
from declare.lowering.model.graph import Graph
from declare.lowering.model.loss_shapes import require_scores
from declare.lowering.model.task_inputs import Views, model_view, target_view
from declare.lowering.training.task_losses import TaskLosses
from declare.nn.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from declare.nn.metrics.metric import AccumulatedMetric, is_broken
from declare.nn.precision import to_double, widest
from declare.parsing.read_component import read_component

Fields = Mapping[str, Tensor]
Batches = Callable[[str, str, int, range | None], Iterator[Fields]]
"""(dataset, split, batch size, numbers) -> batches of that split in order; those of `numbers` alone if given."""
LocalState = tuple[list[Any], list[list[float]], bool]
"""What one process has seen: of each metric, the sums of losses, whether a prediction is NaN."""
_ELEMENTS = 2**22
_LARGEST = 4096


class Scores:
    """Losses and metrics of one task over what was seen so far. Metrics share the sums that they need."""

    def __init__(self, task: TaskPlan, losses: TaskLosses, target: Target) -> None:
        self._losses = losses
        self._metrics = {
            metric.name: read_component("metrics", metric.block).build(target) for metric in task.metrics
        }
        accumulators: dict[Any, Any] = {}
        for metric in self._metrics.values():
            if isinstance(metric, AccumulatedMetric):
                metric.accumulator = accumulators.setdefault(metric.accumulator.key, metric.accumulator)
            else:
                accumulators[id(metric)] = metric
        self._accumulators = list(accumulators.values())
        self._sums: list[list[Tensor | float]] = [[0.0, 0.0] for _ in losses.names]
        self._has_nan: Tensor | bool = False
        """Whether the prediction of a known target is NaN: then no metric is defined."""

    def update(
        self, losses: Sequence[tuple[Tensor, Tensor | float]], prediction: Tensor, target: Tensor
    ) -> None:
        """Take in a batch: (sum, weight) of each loss, and what the metrics compare."""
        for sums, (total, weight) in zip(self._sums, losses, strict=bool(losses)):
            sums[0] = sums[0] + to_double(total)
            sums[1] = sums[1] + (to_double(weight) if isinstance(weight, Tensor) else weight)
        if len(target):
            self._has_nan = self._has_nan | is_broken(prediction, target)
            for item in self._accumulators:
                item.update(prediction, target)

    @property
    def can_merge(self) -> bool:
        """Whether processes may share the samples among them."""
        return all(hasattr(item, "merge_states") for item in self._accumulators)

    def local_state(self) -> LocalState:
        """Return what this process has seen."""
        sums = [[float(item) for item in pair] for pair in self._sums]
        return [item.local_state() for item in self._accumulators], sums, bool(self._has_nan)

    def merge_states(self, states: Sequence[LocalState]) -> None:
        """Take what all processes have seen, by rank."""
        for item, accumulator_states in zip(
            self._accumulators, zip(*(part[0] for part in states), strict=True), strict=True
        ):
            item.merge_states(accumulator_states)
        sums = zip(*(part[1] for part in states), strict=True)
        self._sums = [[math.fsum(column) for column in zip(*pairs, strict=True)] for pairs in sums]
        self._has_nan = any(part[2] for part in states)

    def results(self) -> dict[str, float]:
        """Return `loss` and every metric; NaN for one that is not defined on these samples."""
        return {"loss": _loss([self])} | self.metrics()

    def metrics(self) -> dict[str, float]:
        """Return every metric."""
        if self._has_nan:
            return dict.fromkeys(self._metrics, math.nan)
        return {name: float(metric.compute()) for name, metric in self._metrics.items()}


class CombinedScores:
    """The scores of a task over datasets with separate heads."""

    def __init__(self) -> None:
        self.parts: list[Scores] = []

    def results(self) -> dict[str, float]:
        """Return `loss` and every metric over all datasets."""
        return {"loss": _loss(self.parts)} | self.metrics()

    def metrics(self) -> dict[str, float]:
        """Return every metric."""
        metrics = [part._metrics for part in self.parts]  # noqa: SLF001
        if any(part._has_nan for part in self.parts):  # noqa: SLF001
            return dict.fromkeys(metrics[0], math.nan)
        return {
            name: float(AccumulatedMetric.combine([item[name] for item in metrics])) for name in metrics[0]
        }


def _loss(parts: Sequence[Scores]) -> float:
    """Return the loss over all that the scores saw; NaN if some loss saw nothing valid."""
    loss = 0.0
    for index, weight in enumerate(parts[0]._losses.loss_weights):  # noqa: SLF001
        total, valid = (sum(float(part._sums[index][item]) for part in parts) for item in (0, 1))  # noqa: SLF001
        loss += weight * total / valid if valid else math.nan
    return loss


_All = dict[str, "Scores | CombinedScores"]
"""Scores by `TASK` and `TASK@DATASET`."""


class _SampleWeights(NamedTuple):
    """What samples of a dataset count for: the model's scores, and the trivial baseline's if not known yet."""

    model: list[Scores]
    trivial: list[Scores]


class Evaluator:
    """Evaluates the tasks of a plan with the current graph (the caller loads averaged weights).

    `tables` are the open tables. `batches` replaces the loader's batches. The processes of `world` share
    the samples.
    """

    interruption: Interruption = NEVER
    """Asked before each batch whether to leave; what it raises ends an evaluation in all processes."""

    def __init__(
        self,
        plan: Plan,
        graph: Graph,
        tables: Any,
        device: torch.device,
        *,
        batches: Batches | None = None,
        world: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        self._plan, self._graph, self._device = plan, graph, device
        self._world = world
        self._batches = batches or _split_batches(tables, device)
        self._tables = tables
        self._losses = {name: TaskLosses(task).to(device).eval() for name, task in plan.tasks.items()}
        adapters = {name: losses.adapter for name, losses in self._losses.items()}
        self._views = Views(adapters, {name: task.datasets for name, task in plan.tasks.items()})
        self._trivial: dict[tuple[str, str], dict[str, float]] = {}
        self._baselines = Baselines(plan, tables)
        self._unchecked = {(name, dataset) for name, task in plan.tasks.items() for dataset in task.datasets}

    @torch.no_grad()
    def run(self, split: str, tasks: Sequence[str] | None = None) -> dict[str, float]:
        """Return `SPLIT/TASK/METRIC`, and `SPLIT/TASK@DATASET/METRIC` if a task has several datasets.

        `loss` is one of the metrics; composites follow if all their metrics are there. Tasks without
        samples in the split are left out; a metric that is not defined is NaN.
        """
        scores: _All = {}
        trivial: _All = {}
        task_names = tuple(tasks or self._plan.tasks)
        without_trivial = {task for task in task_names if (split, task) not in self._trivial}
        scores_by_dataset = {
            dataset: {
                task: _SampleWeights(
                    self._scores_of(task, dataset, scores),
                    self._scores_of(task, dataset, trivial) if task in without_trivial else [],
                )
                for task in task_names
                if dataset in self._plan.tasks[task].datasets
            }
            for dataset, plan in self._plan.datasets.items()
            if plan.splits.get(split, 0)
        }
        all_scores = [score for score in (*scores.values(), *trivial.values()) if isinstance(score, Scores)]
        split_by_rank = self._world.size > 1 and all(score.can_merge for score in all_scores)
        with eval_mode(self._graph), self.interruption.interruptible():
            for dataset, scores_by_task in scores_by_dataset.items():
                if scores_by_task:
                    self._score_split(dataset, split, scores_by_task, split_by_rank=split_by_rank)
        if split_by_rank:
            states = self._world.all_gather_object([score.local_state() for score in all_scores])
            for score, score_states in zip(all_scores, zip(*states, strict=True), strict=True):
                score.merge_states(score_states)
        for task in without_trivial:
            task_scores = {name: score for name, score in trivial.items() if name.partition("@")[0] == task}
            self._trivial[split, task] = {
                f"{split}/{name}/{metric}": value
                for name, score in task_scores.items()
                for metric, value in self._baselines.with_chance(task, score.results()).items()
            }
        metrics = _result_names(split, scores)
        return metrics | composites(self._plan.composites, metrics)

    def baseline_metrics(self, split: str, tasks: Sequence[str] | None = None) -> dict[str, float]:
        """Return the metrics of the trivial baseline of each task, by the same names as `run`.

        It gives every sample the same answer, learned from the training targets alone: their mean, the classes'
        shares, unigrams. Of tasks that `run` has evaluated on this split; without metrics that it leaves undefined.
        """
        trivial_by_task = [self._trivial.get((split, task), {}) for task in tasks or self._plan.tasks]
        metrics = {name: value for results in trivial_by_task for name, value in results.items()}
        return metrics | composites(self._plan.composites, metrics)

    def _score_split(
        self, dataset: str, split: str, scores_by_task: Mapping[str, _SampleWeights], *, split_by_rank: bool
    ) -> None:
        """Run a dataset's split, or this process's part of it, through the graph and add it to scores of tasks."""
        size, numbers, max_batches = self._batch_size(dataset), None, 0
        if split_by_rank:
            size, numbers, max_batches = self._share(self._samples(dataset, split), size, scores_by_task)
        first, count = numbers.start if numbers else 0, 0
        for count, fields in enumerate(self._batches(dataset, split, size, numbers), 1):
            number = first + count - 1
            batch, outputs = self._forward_batch(dataset, fields, scores_by_task, number)
            for task, scores in scores_by_task.items():
                losses, output = self._losses[task].of(dataset), outputs[task][dataset].float()
                view = target_view(task, batch)
                if (task, dataset) in self._unchecked:
                    losses.check(task, output, losses.adapter.target(view))
                    require_scores(task, *losses.adapter.scores(output, view))
                    self._unchecked.discard((task, dataset))
                _add(scores.model, losses, output, view)
                if scores.trivial:
                    draws = torch.Generator(output.device).manual_seed(self._plan.seed + number)
                    constants = self._baselines.adapters(task, dataset, losses).predict(output, view, draws)
                    if constants is not None:
                        _add(scores.trivial, losses, constants[0], view, *constants[1])
        if count < max_batches:
            self._run_missing_batches(dataset, split, scores_by_task, size, max_batches - count)

    def _run_missing_batches(
        self, dataset: str, split: str, tasks: Iterable[str], size: int, missing: int
    ) -> None:
        """Make as many forward passes as the other processes, since each may have only a shard of the model.

        This one had fewer batches, or some whose samples are all unreadable.
        """
        for fields in islice(self._batches(dataset, split, size, None), 1):
            for _ in range(missing):
                self._forward_batch(dataset, fields, tasks, 0)

    def _forward_batch(
        self, dataset: str, fields: Fields, tasks: Iterable[str], number: int
    ) -> tuple[Fields, dict[str, dict[str, Tensor]]]:
        """Return a batch as the tasks see it, and the outputs of their heads."""
        self.interruption.check()
        task_names = list(tasks)
        plain = [task for task in task_names if task not in self._views.masking_tasks]
        batch = self._views.with_views({dataset: fields}, self._plan.seed + number)[dataset]
        outputs = self._graph({dataset: fields}, plain) if plain else {}
        for task in self._views.masking_tasks:
            if task in task_names:
                outputs |= self._graph({dataset: model_view(task, batch)}, (task,))
        return batch, outputs

    def _samples(self, dataset: str, split: str) -> int:
        """Return the samples of a split that can be read."""
        num_samples = self._plan.datasets[dataset].splits[split]
        return num_samples if self._tables is None else int(self._tables.table(dataset, split).num_samples)

    def _share(self, samples: int, size: int, tasks: Iterable[str]) -> tuple[int, range, int]:
        """Return the size of batches, the numbers of those that this process looks at, and the most that one does.

        Batches get smaller, so that each process has some, unless it matters which samples are together.
        """
        rank, world = self._world.rank, self._world.size
        if not any(task in self._views.masking_tasks or self._losses[task].needs_all_rows for task in tasks):
            size = max(1, min(size, -(-samples // world)))
        count = -(-samples // size)
        return size, range(rank * count // world, (rank + 1) * count // world), -(-count // world)

    def _scores_of(self, task: str, dataset: str, scores: _All) -> list[Scores]:
        """Return the scores that samples of a dataset count for: the task's, and the dataset's own."""
        plan, has_own_heads = self._plan.tasks[task], self._plan.has_own_heads(task)
        names = [task] if len(plan.datasets) == 1 else [task, f"{task}@{dataset}"]
        for name in names:
            if name not in scores:
                dataset_scores = Scores(plan, self._losses[task].of(dataset), plan.target_of(dataset))
                scores[name] = CombinedScores() if has_own_heads and name == task else dataset_scores
        entries = [scores[name] for name in names]
        for entry in entries:
            if isinstance(entry, CombinedScores):
                entry.parts += [item for item in entries if isinstance(item, Scores)]
        return [entry for entry in entries if isinstance(entry, Scores)]

    def bounds(self, split: str, tasks: Sequence[str] | None = None) -> dict[str, float]:
        """Return the metrics of the best prediction there is, by the same names as `run`.

        Only of tasks whose target's expectation the source knows: simulated data.
        """
        scores: _All = {}
        for dataset, plan in self._plan.datasets.items():
            for task in tasks or self._plan.tasks:
                has_samples = dataset in self._plan.tasks[task].datasets and plan.splits.get(split, 0)
                expectation = self._true_expectation(task, dataset, split) if has_samples else None
                if expectation is not None:
                    self._compare(task, dataset, split, expectation, self._scores_of(task, dataset, scores))
        return {
            f"{split}/{name}/{metric}": value
            for name, score in scores.items()
            for metric, value in score.metrics().items()
        }

    def _true_expectation(self, task: str, dataset: str, split: str) -> Tensor | None:
        field = self._plan.tasks[task].target_field
        if (
            field is None
            or self._tables is None
            or not hasattr(self._losses[task].adapter, "with_expectation")
        ):
            return None
        expectation = self._tables.table(dataset, split).expectation(field)
        return None if expectation is None else torch.from_numpy(expectation).to(self._device)

    def _compare(
        self, task: str, dataset: str, split: str, expectation: Tensor, scores: Sequence[Scores]
    ) -> None:
        adapter: Any = self._losses[task].of(dataset).adapter
        start = 0
        for fields in self._batches(dataset, split, self._batch_size(dataset), None):
            number = len(next(iter(fields.values())))
            prediction, target = adapter.with_expectation(expectation[start : start + number], fields)
            start += number
            for score in scores:
                score.update((), prediction, target)

    def _batch_size(self, dataset: str) -> int:
        """Return at least the training batch size, and more if samples are small."""
        elements = sum(field.shape.numel or 0 for field in self._plan.datasets[dataset].fields.values())
        # A vocabulary at every position outgrows the text by far.
        sizes = [shape.numel or 0 for node in self._plan.nodes for shape in node.outputs.values()]
        fitting = min(_LARGEST, _ELEMENTS // max(elements, *sizes, 1))
        training_rows = [phase.rows.get(dataset, 0) for phase in self._plan.phases]
        return max(fitting, *training_rows, 1)


def _add(
    scores: Iterable[Scores], losses: TaskLosses, output: Tensor, fields: Fields, *by_loss: Tensor
) -> None:
    """Add what a head gave for a batch to scores; `by_loss` are other outputs for the losses."""
    target = losses.adapter.target(fields)
    sums = losses(widest(output), target)
    for index, loss_output in enumerate(by_loss):
        if loss_output is not output:
            sums[index] = losses(widest(loss_output), target)[index]
    prediction, target = losses.adapter.scores(output, fields)
    for score in scores:
        score.update(sums, prediction, target)


def _result_names(split: str, scores: _All) -> dict[str, float]:
    """Return the results of scores as `SPLIT/TASK/METRIC`."""
    return {
        f"{split}/{name}/{metric}": value
        for name, score in scores.items()
        for metric, value in score.results().items()
    }


def _split_batches(tables: Any, device: torch.device) -> Batches:
    from declare.lowering.data.loader import evaluation_batches

    def batches(dataset: str, split: str, batch_size: int, numbers: range | None) -> Iterator[Fields]:
        return evaluation_batches(tables, dataset, split, batch_size, device, numbers)

    return batches


@contextmanager
def eval_mode(graph: nn.Module) -> Iterator[None]:
    """Put a graph into evaluation mode, in whole single precision, and leave all as it was."""
    modes = [(module, module.training) for module in graph.modules()]
    products, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    graph.eval()
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(products)
        torch.backends.cudnn.allow_tf32 = convolutions
        for module, mode in modes:
            module.training = mode
