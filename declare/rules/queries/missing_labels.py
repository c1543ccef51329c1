"""How many training labels each task lacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from declare.contract.kinds.task import Task
from declare.rules.spec_parts import LocatedBlock, target_facts, tasks
from declare.rules.spec_view import View


class Missing(NamedTuple):
    """Training samples of one dataset that lack the target of a task."""

    task: LocatedBlock[Task]
    dataset: str
    target: str
    missing: int
    samples: int


def labels_missing(view: View) -> Iterator[Missing]:
    """Yield each task's missing labels by dataset, where the training split holds samples."""
    for task in tasks(view):
        for dataset in target_facts(view, task.block):
            facts, target = view.facts[dataset], str(task.block.target)
            samples = facts.splits.get("train", 0)
            if samples:
                missing = facts.missing.get(target, {}).get("train", 0)
                yield Missing(task, dataset, target, min(missing, samples), samples)
