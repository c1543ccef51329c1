"""Probes of a phase: features of the frozen model, a fit on the training split, metrics on validation data."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from declare.contract.shapes import Shape
from declare.ir.plan import PhasePlan, Plan, ProbePlan, TaskPlan
from declare.lowering.data.loader import evaluation_batches
from declare.lowering.data.tables import Tables
from declare.lowering.evaluation.evaluator import Scores, eval_mode
from declare.lowering.evaluation.interruption import NEVER, Interruption
from declare.lowering.model.graph import Graph
from declare.lowering.training.task_losses import TaskLosses
from declare.nn.modules.padding import mean_over
from declare.parsing.read_component import read_component

_ROWS = 256
_TINY = 1e-12


class Features(NamedTuple):
    """Features [N, width] of a split, and the fields of the same samples that its task reads."""

    features: Tensor
    fields: dict[str, Tensor]


class Prober:
    """Probes the current graph; it does not change weights or random generators.

    `interruption` is asked before each batch; what it raises ends a probe in all processes.
    """

    def __init__(
        self,
        plan: Plan,
        graph: Graph,
        tables: Tables,
        device: torch.device,
        interruption: Interruption = NEVER,
    ) -> None:
        self._interruption = interruption
        self._plan, self._graph, self._tables, self._device = plan, graph, tables, device

    def run(self, phase: PhasePlan) -> dict[str, float]:
        """Return `probe/PHASE/TASK/METRIC`, and `probe/PHASE/TASK@DATASET/METRIC` if there are several.

        Datasets whose targets or features differ have a probe each, and then no metric over all.
        """
        metrics: dict[str, float] = {}
        # Some transforms draw from torch's own generators.
        with eval_mode(self._graph), torch.random.fork_rng(), self._interruption.interruptible():
            for probe in phase.probes:
                for name, value in self._run_probe(probe).items():
                    metrics[f"probe/{phase.name}/{name}"] = value
        return metrics

    def _run_probe(self, probe: ProbePlan) -> dict[str, float]:
        task = self._plan.tasks[probe.task]
        losses = TaskLosses(task).to(self._device).eval()
        groups = self._groups(probe, task)
        scores: dict[str, Scores] = {}
        for group in groups:
            probe_module = _fit_probe(probe, task, losses, group)
            for dataset in group:
                names = [probe.name] if len(groups) == 1 else []
                names += [f"{probe.name}@{dataset}"] if len(task.datasets) > 1 else []
                losses_here = losses.of(dataset)
                for name in names:
                    scores.setdefault(name, Scores(task, losses_here, task.target_of(dataset)))
                self._score_validation(
                    probe, dataset, probe_module, (losses_here, [scores[name] for name in names])
                )
        return {
            f"{name}/{metric}": value
            for name, score in scores.items()
            for metric, value in score.metrics().items()
        }

    def _groups(self, probe: ProbePlan, task: TaskPlan) -> list[dict[str, Features]]:
        """Return what is seen of the training split, in groups of datasets that one probe can serve."""
        groups: dict[Any, dict[str, Features]] = {}
        for dataset in task.datasets:
            features = self._split_features(probe, task, dataset, "train")
            if features is not None:
                key = (features.features.shape[1], dataset if self._plan.has_own_heads(probe.task) else "")
                groups.setdefault(key, {})[dataset] = features
        return list(groups.values())

    def _score_validation(
        self,
        probe: ProbePlan,
        dataset: str,
        probe_module: Any,
        scored_by: tuple[TaskLosses, Sequence[Scores]],
    ) -> None:
        """Add a dataset's validation data to the scores."""
        losses, scores = scored_by
        split = self._split_features(probe, self._plan.tasks[probe.task], dataset, "val")
        if split is None:
            return
        with torch.no_grad():
            prediction, target = losses.adapter.scores(probe_module(split.features), split.fields)
        for score in scores:
            score.update((), prediction, target)

    def _split_features(self, probe: ProbePlan, task: TaskPlan, dataset: str, split: str) -> Features | None:
        """Return what a probe sees of a split; None if it has no samples."""
        if not self._plan.datasets[dataset].splits.get(split):
            return None
        names = {name for name in (task.target_field, task.mask, *task.fields) if name}
        features, fields = [], []
        for batch in evaluation_batches(self._tables, dataset, split, _ROWS, self._device):
            self._interruption.check()
            features.append(self._features(probe, dataset, batch))
            fields.append({name: batch[name] for name in names})
        return Features(
            torch.cat(features), {name: torch.cat([part[name] for part in fields]) for name in names}
        )

    @torch.no_grad()
    def _features(self, probe: ProbePlan, dataset: str, batch: Mapping[str, Tensor]) -> Tensor:
        pairs = self._graph.read(batch, dataset, probe.wires)
        parts = [
            _vectors(value.float(), wire.shape, lengths)
            for (value, lengths), wire in zip(pairs, probe.wires, strict=True)
        ]
        return torch.cat(parts, 1)


def _fit_probe(probe: ProbePlan, task: TaskPlan, losses: TaskLosses, group: Mapping[str, Features]) -> Any:
    """Return a probe fitted on the training samples of some datasets together."""
    first = next(iter(group))
    task_losses = losses.of(first)
    features = torch.cat([split.features for split in group.values()])
    with torch.no_grad():
        target = torch.cat([losses.of(name).adapter.target(split.fields) for name, split in group.items()])

    def loss(output: Tensor) -> Tensor:
        terms = [
            total / weight.clamp_min(_TINY) if isinstance(weight, Tensor) else total / (weight or 1)
            for total, weight in task_losses(output, target)
        ]
        return torch.stack(
            [term * weight for term, weight in zip(terms, task_losses.loss_weights, strict=True)]
        ).sum()

    shape = tuple(dim or 0 for dim in task.target_of(first).output.dims)
    probe_module = read_component("probes", probe.block).build(features.shape[1], shape).to(features.device)
    probe_module.fit(features, loss)
    return probe_module


def _vectors(values: Tensor, shape: Shape, lengths: Tensor | None) -> Tensor:
    """Return a vector for each sample [B, F]: the mean over real steps or pixels if there are some."""
    if values.dim() <= 2:
        return values.reshape(len(values), -1)
    if lengths is not None and shape.time_axis is not None:
        values = mean_over(values, lengths, 1 + shape.time_axis)
        return values if values.dim() == 2 else values.flatten(2).mean(2)
    return values.mean(1) if shape.layout == "sequence" else values.flatten(2).mean(2)
