"""Idle settings of datasets, modules and tasks."""

from collections.abc import Iterator
from pathlib import Path

from declare.contract.kinds.task import Task
from declare.contract.problem import Problem
from declare.language.spec import Dataset
from declare.rules.idle_setting import Idle
from declare.rules.spec_parts import (
    LocatedBlock,
    dataset_names,
    datasets,
    get,
    is_unreadable,
    task_datasets,
    task_names,
    tasks,
)
from declare.rules.spec_view import View

CODE = "REF203"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each setting without effect."""
    for setting in _idle(view):
        yield setting.problem(CODE)


def _idle(view: View) -> Iterator[Idle]:
    """Yield unused datasets, and settings of a split or cache that nothing reads."""
    known = list(tasks(view))
    complete = len(known) == len(task_names(view)) and not any(
        is_unreadable(task.block, "dataset", "datasets") or _has_missing_dataset(view, task.block)
        for task in known
    )
    used = {name for task in known for name in task_datasets(view, task.block)}
    for dataset in datasets(view):
        if complete and used and dataset.name not in used:
            yield Idle(
                dataset.path,
                f"dataset `{dataset.name}`",
                "no task learns from it",
                "named by no task",
                helps=(f"name it in a task's `datasets`, or remove `{dataset.path}`",),
                removable=False,
            )
        yield from _split(dataset)
        yield from _split_of_source(view, dataset)
        yield from _limit(view, dataset)


def _has_missing_dataset(view: View, task: Task) -> bool:
    """Return whether a task names a dataset that does not exist."""
    stated = [task.dataset] if task.dataset else task.datasets or []
    return any(name not in dataset_names(view) for name in stated)


def _split(dataset: LocatedBlock[Dataset]) -> Iterator[Idle]:
    split = get(dataset.block, "split")
    path = f"{dataset.path}.split"
    files = [name for name in ("train", "val", "test") if isinstance(get(split, name), Path)]
    fixed = f"{path}.{files[0]}" if files else f"{path}.column" if get(split, "column") else ""
    if not fixed:
        return
    for key in ("seed", "by", "stratify") if files else ("seed",):
        if get(split, key) is not None:
            yield Idle(
                f"{path}.{key}",
                f"`{key}`",
                "the split is fixed, nothing is drawn at random",
                "nothing is drawn at random",
                also={fixed: "the split is fixed here"},
            )


def _split_of_source(view: View, dataset: LocatedBlock[Dataset]) -> Iterator[Idle]:
    """Yield settings of a split that the source defines itself."""
    facts, split = view.facts.get(dataset.name), get(dataset.block, "split")
    if facts is None:
        return
    files = any(isinstance(get(split, name), Path) for name in ("train", "val", "test"))
    if files or not facts.source_splits or "split" not in dataset.block.model_fields_set:
        return
    splits = ", ".join(f"`{name}`" for name in facts.source_splits)
    for key in ("column", *facts.source_splits):
        if get(split, key) is not None and key != "train":
            yield Idle(
                f"{dataset.path}.split.{key}",
                f"`{key}`",
                f"the source has its own {splits}",
                "the source defines it",
                also={f"{dataset.path}.source": f"has {splits}"},
            )


def _limit(view: View, dataset: LocatedBlock[Dataset]) -> Iterator[Idle]:
    limit, facts = get(dataset.block, "limit"), view.facts.get(dataset.name)
    if limit is not None and facts is not None and facts.num_samples < limit:
        yield Idle(
            f"{dataset.path}.limit",
            f"`limit: {limit}`",
            f"`{dataset.name}` has {facts.num_samples} samples",
            "more than there are",
            also={f"{dataset.path}.source": f"{facts.num_samples} samples"},
        )
