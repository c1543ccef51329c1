"""A class in validation or test must also occur in training."""

from collections.abc import Iterator

from declare.contract.kinds.task import Task
from declare.contract.problem import Problem
from declare.rules.queries.class_counts import Counts, counts_by_head
from declare.rules.queries.fields import field_place
from declare.rules.spec_parts import LocatedBlock, get, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "DAT303"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each target with classes that occur only in validation or test samples."""
    for task in tasks(view):
        for dataset, counts in counts_by_head(view, task).items():
            yield from _check_head(view, task, dataset, counts)


def _check_head(view: View, task: LocatedBlock[Task], dataset: str, counts: Counts) -> Iterator[Problem]:
    lost = [name for name, row in counts.items() if any(row.values()) and not row.get("train", 0)]
    if lost and len(counts) - len(lost) > 1:  # a single class in train is LOS412
        example = dataset or task_datasets(view, task.block)[0]
        target = str(task.block.target)
        splits = [split for split in ("val", "test") if counts[lost[0]].get(split, 0)]
        where = f" of `{dataset}`" if dataset else ""
        number = sum(counts[lost[0]].values())
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        yield Problem(
            CODE,
            f"class `{lost[0]}` of `{target}`{more} has {number} samples but none in train{where}",
            at=f"{task.path}.target",
            label=f"`{lost[0]}` occurs only in {' and '.join(splits)}",
            also={
                _split_place(view, example): "the split that separates it",
                field_place(view, example, target): f"{len(counts)} classes in this data",
            },
            helps=_helps(view, example, target),
        )


def _split_place(view: View, dataset: str) -> str:
    stated = get(view.spec, "datasets", dataset, "split")
    return f"datasets.{dataset}.split" if stated is not None else f"datasets.{dataset}"


def _helps(view: View, dataset: str, target: str) -> tuple[str, ...]:
    if get(view.spec, "datasets", dataset, "split", "by"):
        return (
            "use another `split.seed`, or smaller held-out fractions",
            "give the class more groups, or remove its samples",
        )
    return (f"set `split.stratify: {target}`", "give the class more samples, or remove them")
