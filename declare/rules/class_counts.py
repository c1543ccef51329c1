"""Samples per class and split of a task's target, over all its datasets."""

from __future__ import annotations

from declare.contract.data import FieldFacts
from declare.contract.task import Task
from declare.rules.parts import target_facts
from declare.rules.view import View

Counts = dict[str, dict[str, int]]
"""Class -> split -> samples."""


def class_counts(view: View, task: Task) -> Counts:
    """Return samples by class and split; empty where the target has no classes or no counts."""
    found: Counts = {}
    for facts in target_facts(view, task).values():
        for index, name in enumerate(facts.classes or ()):
            row = found.setdefault(name, {})
            for split, counts in facts.counts.items():
                if index < len(counts):
                    row[split] = row.get(split, 0) + counts[index]
    return found


def total(counts: Counts, split: str) -> int:
    """Return the labelled samples of a split."""
    return sum(row.get(split, 0) for row in counts.values())


def smallest_class(facts: FieldFacts) -> tuple[str, int] | None:
    """Return the class with the fewest samples over all splits, of those that have any."""
    rows = zip(*facts.counts.values(), strict=False)
    sums = {name: sum(row) for name, row in zip(facts.classes or (), rows, strict=False) if sum(row)}
    return min(sums.items(), key=lambda item: item[1]) if sums else None
