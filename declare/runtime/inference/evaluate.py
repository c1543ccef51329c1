"""Evaluating the weights of a run on a split of its data."""

from collections.abc import Collection, Sequence
from functools import partial

import torch

from declare.contract.problem import Problem, ProblemError
from declare.ir.plan import Plan
from declare.runtime.checkpoint.saver import load_weights
from declare.runtime.machine.device import choose_device
from declare.runtime.run_folder.folder import Run
from declare.runtime.run_folder.trivial_baseline import with_prefix
from declare.runtime.run_folder.trust_check import require
from declare.runtime.setup.builder import PlanBuilder


def evaluate(
    run: Run,
    split: str = "test",
    *,
    which: str = "best",
    tasks: Sequence[str] | None = None,
    trust: Collection[str] = (),
) -> dict[str, float]:
    """Return the metrics of `split` (train, val, test) for the weights that `which` names.

    `which` is `best`, `last` or a phase. Composites are included if all their metrics are of this split,
    and under `trivial/NAME` what the trivial baseline of each task reaches.
    Raises `ProblemError` (RES807, RES808, RES815, REF242).
    """
    plan = run.plan
    if not any(dataset.splits.get(split) for dataset in plan.datasets.values()):
        raise ProblemError(no_samples(plan, split))
    require(plan, trust)
    run.require_checkpoint()  # before the data are opened
    builder = PlanBuilder(plan, run.path, choose_device(plan.hardware))
    _, checkpoint = run.read_weights(which, partial(load_weights, builder.graph))
    builder.evaluate_at(checkpoint.evaluated_at)
    task_names = tuple(tasks or _trained_tasks(plan))
    with torch.no_grad():
        metrics = builder.evaluate(split, task_names)
    return metrics | with_prefix(builder.baseline_metrics(split, task_names))


def _trained_tasks(plan: Plan) -> list[str]:
    """Return the tasks that some phase trains, in the plan's order."""
    names = {task for phase in plan.phases for task in phase.tasks}
    return [name for name in plan.tasks if name in names]


def no_samples(plan: Plan, split: str) -> Problem:
    """Return the finding (RES815) that a split is empty."""
    splits = sorted(
        {name for dataset in plan.datasets.values() for name, count in dataset.splits.items() if count}
    )
    return Problem(
        "RES815",
        f"the run has no samples in the split `{split}`",
        notes=(f"splits with samples: {', '.join(splits)}",),
        helps=(f"name one of them: `--split {splits[0]}`",) if splits else (),
    )
