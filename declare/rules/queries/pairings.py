"""Which samples are positives for a task that compares samples."""

from collections.abc import Iterator

from declare.contract.kinds.field import Pairing, pairing_key
from declare.contract.kinds.task import Task
from declare.contract.problem import Problem
from declare.parsing.poison import contains_poison
from declare.rules.spec_parts import LocatedBlock, get, phase_tasks, phases, task_datasets, tasks
from declare.rules.spec_view import SpecView, View


def pairing_of(view: SpecView, task: LocatedBlock[Task]) -> Pairing | None:
    """Return a task's pairing, its own or its sampler's; None if it has none or it is unreadable."""
    trained = [phase for phase in phases(view) if task.name in (phase_tasks(view, phase.block) or {})]
    samplers = [sampler for phase in trained if (sampler := get(phase.block, "sampler")) is not None]
    if contains_poison(task.block) or contains_poison(samplers):
        return None
    drawn = task.block.drawn_by(samplers)
    return None if isinstance(drawn, Problem) else drawn.pairing()


def pairing_fields(task: Task) -> tuple[str, ...]:
    """Return the readable fields by which a task itself defines positives."""
    pairing = task.pairing()
    same, different = pairing or ((), None)
    return tuple(name for name in (*same, different) if isinstance(name, str))


def splits_without_positives(view: View) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield (task, split) with samples but no positives in any dataset, with the fields that positives share."""
    for task in tasks(view):
        pairing = pairing_of(view, task)
        names = [name for name in task_datasets(view, task.block) if name in view.facts] if pairing else []
        if pairing is None or not names:
            continue
        counts = [view.facts[name].positives.get(pairing_key(pairing)) for name in names]
        same, different = pairing
        words = "the same " + " and ".join(f"`{name}`" for name in same)
        words += f" and another `{different}`" if different else ""
        for split in ("train", "val", "test"):
            sizes = [view.facts[name].splits.get(split, 0) for name in names]
            if any(sizes) and all(count is not None and not count.get(split) for count in counts):
                yield (task.name, split), f"none have {words}"
