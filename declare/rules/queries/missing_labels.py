"""Number of labels that each task lacks in a split."""

from collections.abc import Iterator
from typing import NamedTuple

from declare.contract.kinds.task import Task
from declare.rules.spec_parts import LocatedBlock, target_facts, tasks
from declare.rules.spec_view import View


class Missing(NamedTuple):
    """Samples of one dataset's split that lack the target of a task; all of them if none of its values counts."""

    task: LocatedBlock[Task]
    dataset: str
    target: str
    missing: int
    samples: int


def labels_missing(view: View, split: str = "train") -> Iterator[Missing]:
    """Yield each task's missing labels by dataset, for splits with samples."""
    for task in tasks(view):
        for dataset in target_facts(view, task.block):
            facts, target = view.facts[dataset], str(task.block.target)
            samples = facts.splits.get(split, 0)
            if samples:
                unscored = split in view.unscored.get(task.name, {}).get(dataset, ())
                missing = samples if unscored else facts.missing.get(target, {}).get(split, 0)
                yield Missing(task, dataset, target, min(missing, samples), samples)


def tasks_without_labels(view: View, split: str) -> Iterator[tuple[LocatedBlock[Task], str]]:
    """Yield each task without any label in a split, and each dataset of a task with labels of others alone."""
    rows: dict[str, list[Missing]] = {}
    for item in labels_missing(view, split):
        rows.setdefault(item.task.name, []).append(item)
    for items in rows.values():
        without = [item for item in items if item.missing >= item.samples]
        if len(without) == len(items):
            yield items[0].task, ""
        else:
            yield from ((item.task, item.dataset) for item in without)


def no_target_note(task: LocatedBlock[Task], split: str, dataset: str = "") -> str:
    """Return the note that a split has nothing to score."""
    where = f" of `{dataset}`" if dataset else ""
    return f"no sample of {split}{where} has a target `{task.block.target}` that counts"
