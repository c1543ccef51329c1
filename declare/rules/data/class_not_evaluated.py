"""A class without validation or test samples is not evaluated."""

from collections.abc import Iterator

from declare.contract.kinds.task import Task
from declare.contract.problem import Problem
from declare.rules.queries.class_counts import Counts, counts_by_head, total
from declare.rules.spec_parts import LocatedBlock, get, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "DAT340"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each target with classes that a held-out split lacks."""
    for task in tasks(view):
        for dataset, counts in counts_by_head(view, task).items():
            problem = _not_evaluated(view, task, dataset, counts)
            if problem is not None:
                yield problem
                break


def _not_evaluated(view: View, task: LocatedBlock[Task], dataset: str, counts: Counts) -> Problem | None:
    for split in ("val", "test"):
        lost = [name for name, row in counts.items() if row.get("train", 0) and not row.get(split, 0)]
        if not lost or not total(counts, split):
            continue
        example, target = dataset or task_datasets(view, task.block)[0], str(task.block.target)
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        here = "split" if get(view.spec, "datasets", example, "split") is not None else "source"
        return Problem(
            CODE,
            f"class `{lost[0]}` of `{target}`{more} has no sample in {split}{f' of `{dataset}`' if dataset else ''}",
            at=f"{task.path}.target",
            label=f"no `{split}` metric measures it",
            also={f"datasets.{example}.{here}": _sizes(counts, lost[0], split)},
            helps=(f"set `split.stratify: {target}`", f"use a larger `{split}` split"),
        )
    return None


def _sizes(counts: Counts, name: str, split: str) -> str:
    return f"{counts[name]['train']} in train, 0 of {total(counts, split)} in {split}"
