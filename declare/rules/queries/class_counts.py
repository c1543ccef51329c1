"""Samples per class and split of a task's target, over all its datasets."""

from collections.abc import Iterable, Iterator

from declare.contract.facts import FieldFacts
from declare.contract.kinds.loss import Loss
from declare.contract.kinds.task import Target, Task
from declare.parsing.poison import contains_poison
from declare.rules.spec_parts import LocatedBlock, has_own_heads, losses, target_facts, tasks
from declare.rules.spec_view import View

Counts = dict[str, dict[str, int]]
"""Class -> split -> samples."""


def counts_by_head(view: View, task: LocatedBlock[Task]) -> dict[str, Counts]:
    """Return samples by class and split for each dataset with its own head; under "" if there is one head."""
    facts = target_facts(view, task.block)
    if has_own_heads(view, task):
        return {dataset: _class_counts([item]) for dataset, item in facts.items()}
    return {"": _class_counts(facts.values())}


def _class_counts(targets: Iterable[FieldFacts]) -> Counts:
    by_target: Counts = {}
    for facts in targets:
        for index, name in enumerate(facts.classes or ()):
            row = by_target.setdefault(name, {})
            for split, counts in facts.counts.items():
                if index < len(counts):
                    row[split] = row.get(split, 0) + counts[index]
    return by_target


def total(counts: Counts, split: str) -> int:
    """Return the labelled samples of a split."""
    return sum(row.get(split, 0) for row in counts.values())


def smallest_class(facts: FieldFacts) -> tuple[str, int] | None:
    """Return the class with the fewest samples over all splits, of those that have any."""
    rows = zip(*facts.counts.values(), strict=False)
    sums = {name: sum(row) for name, row in zip(facts.classes or (), rows, strict=False) if sum(row)}
    return min(sums.items(), key=lambda item: item[1]) if sums else None


def splits_without_counts(view: View) -> Iterator[tuple[str, LocatedBlock[Loss], Counts, str]]:
    """Yield task, loss, samples by class, and split, for each split whose labels all count as 0.

    The task is `TASK@DATASET` if each dataset has its own head.
    """
    for task in tasks(view):
        heads = counts_by_head(view, task) if task.name in view.targets else {}
        for dataset, counts in heads.items():
            target = view.dataset_targets.get(task.name, {}).get(dataset, view.targets[task.name])
            name = f"{task.name}@{dataset}" if dataset else task.name
            yield from ((name, *rest) for rest in _without_counts(task, target, counts))


def _without_counts(
    task: LocatedBlock[Task], target: Target, counts: Counts
) -> Iterator[tuple[LocatedBlock[Loss], Counts, str]]:
    for loss in losses(task) if counts else ():
        if not contains_poison(loss.block):
            left_out = loss.block.uncounted_classes(target)
            # A loss that counts no class at all is reported by its own check.
            some = 0 < len(left_out) < len(counts)
            for split in ("train", "val", "test") if some else ():
                rows = enumerate(counts.values())
                counted = sum(row.get(split, 0) for index, row in rows if index not in left_out)
                if total(counts, split) and not counted:
                    yield loss, counts, split


def uncounted_note(counts: Counts, split: str) -> str:
    """Return a note with the classes of the labels in a split."""
    names = [name for name, row in counts.items() if row.get(split)]
    shown = ", ".join(f"`{name[:24]}`" for name in names[:6])
    return f"the labels of {split} are {shown}{', ...' if len(names) > 6 else ''}, which are all ignored"
