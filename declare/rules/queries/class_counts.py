"""Samples per class and split of a task's target, over all its datasets."""

from collections.abc import Iterator

from declare.contract.facts import FieldFacts
from declare.contract.kinds.loss import Loss
from declare.contract.kinds.task import Task
from declare.parsing.poison import contains_poison
from declare.rules.spec_parts import LocatedBlock, losses, target_facts, tasks
from declare.rules.spec_view import View

Counts = dict[str, dict[str, int]]
"""Class -> split -> samples."""


def class_counts(view: View, task: Task) -> Counts:
    """Return samples by class and split; empty if the target has no classes or no counts."""
    by_target: Counts = {}
    for facts in target_facts(view, task).values():
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
    """Yield task, loss, samples by class, and split, for each split whose labels all count as 0."""
    for task in tasks(view):
        target = view.targets.get(task.name)
        counts = class_counts(view, task.block) if target is not None else {}
        for loss in losses(task) if counts else ():
            assert target is not None, "there are counts"
            if contains_poison(loss.block):
                continue
            left_out = loss.block.uncounted_classes(target)
            # A loss that counts no class at all is reported by its own check.
            some = 0 < len(left_out) < len(counts)
            for split in ("train", "val", "test") if some else ():
                rows = enumerate(counts.values())
                counted = sum(row.get(split, 0) for index, row in rows if index not in left_out)
                if total(counts, split) and not counted:
                    yield task.name, loss, counts, split


def uncounted_note(counts: Counts, split: str) -> str:
    """Return a note with the classes of the labels in a split."""
    names = [name for name, row in counts.items() if row.get(split)]
    shown = ", ".join(f"`{name[:24]}`" for name in names[:6])
    return f"the labels of {split} are {shown}{', ...' if len(names) > 6 else ''}, which are all ignored"
