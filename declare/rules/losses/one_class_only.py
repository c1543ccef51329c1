"""A classification target needs at least two classes among the training samples."""

from collections.abc import Iterator

from declare.contract.kinds.task import Task
from declare.contract.problem import Problem
from declare.rules.queries.class_counts import Counts, counts_by_head, total
from declare.rules.queries.fields import field_place
from declare.rules.spec_parts import LocatedBlock, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "LOS412"
STAGE = "facts"

_NEED_TWO = frozenset({"class_logits", "ordinal_logits", "pixel_logits"})


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each task whose training samples all have the same class."""
    for task in tasks(view):
        for dataset, counts in (
            counts_by_head(view, task).items() if task.block.prediction in _NEED_TWO else ()
        ):
            yield from _check_head(view, task, dataset, counts)


def _check_head(view: View, task: LocatedBlock[Task], dataset: str, counts: Counts) -> Iterator[Problem]:
    present = [name for name, row in counts.items() if row.get("train", 0)]
    looked_at_all = len(counts) == 1 or all(len(row) > 1 for row in counts.values())
    # Of many mask files some are counted, in training alone.
    if len(present) == 1 and (task.block.prediction != "pixel_logits" or looked_at_all):
        example, target = dataset or task_datasets(view, task.block)[0], str(task.block.target)
        where = f" in `{dataset}`" if dataset else ""
        yield Problem(
            CODE,
            f"target `{target}` of task `{task.name}` has only one class{where}: `{present[0]}`",
            at=f"{task.path}.target",
            label="every training sample has this class",
            also={field_place(view, example, target): f"{total(counts, 'train')} samples of `{present[0]}`"},
            helps=(
                "check the labels of the data, its `limit` and its split",
                "use another field as target",
            ),
        )
