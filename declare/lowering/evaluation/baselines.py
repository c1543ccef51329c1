"""What trivial baselines know: the frequencies among the training samples that a run can read."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from declare.contract.kinds.task import Target, TaskAdapter
from declare.data.store.dataset import Pool
from declare.data.store.target_statistics import TargetQuery, measure_target
from declare.ir.plan import Plan
from declare.lowering.training.task_losses import TaskLosses
from declare.parsing.read_component import read_component

_FREQUENCIES = ("counts", "rates", "unigrams")


class BaselineAdapters(NamedTuple):
    """What predicts a trivial baseline: `adapter` for metrics, and `of_losses` what is best for each loss."""

    adapter: TaskAdapter
    of_losses: tuple[TaskAdapter, ...]

    def predict(
        self, output: Tensor, view: Mapping[str, Tensor], generator: torch.Generator
    ) -> tuple[Tensor, list[Tensor]] | None:
        """Return what metrics see and what each loss sees, in the shape of `output`; None if there is no baseline."""
        constant = self.adapter.baseline_prediction(output, view, generator)
        if constant is None:
            return None
        others = [
            None if item is self.adapter else item.baseline_prediction(output, view, generator)
            for item in self.of_losses
        ]
        return constant, [constant if other is None else other for other in others]


class Baselines:
    """The trivial baselines of tasks, made when first asked for.

    A plan counts samples that cannot be read too if no loss depends on them, since it decodes no files for that.
    `tables` are the open tables of the run, which skip them; None if there are none.
    """

    def __init__(self, plan: Plan, tables: Any) -> None:
        self._plan, self._tables = plan, tables
        self._adapters: dict[tuple[str, str], BaselineAdapters] = {}

    def adapters(self, task: str, dataset: str, losses: TaskLosses) -> BaselineAdapters:
        """Return what predicts the baseline of a task in a dataset with these losses."""
        if (task, dataset) not in self._adapters:
            target = self._readable_target(task, dataset)
            adapter = (
                losses.adapter
                if target == self._plan.tasks[task].target_of(dataset)
                else self._adapter(task, target)
            )
            weighted = [component.weigh(target) for component in losses.components]
            self._adapters[task, dataset] = BaselineAdapters(
                adapter, tuple(adapter if item == target else self._adapter(task, item) for item in weighted)
            )
        return self._adapters[task, dataset]

    def with_chance(self, task: str, results: Mapping[str, float]) -> dict[str, float]:
        """Return the metrics that a task's baseline has: `results`, with that of chance where a constant has none."""
        metrics = self._plan.tasks[task].metrics if not math.isnan(results["loss"]) else ()
        chance = {item.name: read_component("metrics", item.block).constant_value for item in metrics}
        values = {name: chance.get(name) if math.isnan(item) else item for name, item in results.items()}
        return {name: value for name, value in values.items() if value is not None}

    def _adapter(self, task: str, target: Target) -> TaskAdapter:
        return read_component("tasks", self._plan.tasks[task].block).build(target)

    def _readable_target(self, task: str, dataset: str) -> Target:
        """Return the target without training samples that cannot be read."""
        plan = self._plan.tasks[task]
        target, field = plan.target_of(dataset), plan.target_field
        names = (dataset,) if self._plan.has_own_heads(task) else plan.datasets
        may_skip = any(self._plan.datasets[name].on_corrupt.get("action") == "skip" for name in names)
        has_frequencies = any(getattr(target, name) for name in _FREQUENCIES)
        if self._tables is None or field is None or not may_skip or not has_frequencies:
            return target
        pools: dict[str, Pool] = {name: self._tables.pool(name) for name in names}
        # Of masks that are files the plan counts those that can be read.
        if not any(pool.unreadable and pool.is_light(field) for pool in pools.values()):
            return target
        query = TargetQuery(field, plan.mask)
        facts = {
            name: measure_target(pool, query).facts(self._plan.datasets[name].fields[field].facts, plan.mask)
            for name, pool in pools.items()
        }
        linked = read_component("tasks", plan.block).link(facts)
        return target.model_copy(update={name: getattr(linked, name) for name in _FREQUENCIES})
