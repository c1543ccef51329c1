"""The datasets of a task need the same classes to share one head."""

from collections.abc import Iterator

from declare.contract.kinds.task import Task
from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place
from declare.rules.spec_parts import LocatedBlock, dataset_place, may_be_per_dataset, target_facts, tasks
from declare.rules.spec_view import View

CODE = "LOS409"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each dataset whose target differs from that of the task's first dataset."""
    for task in tasks(view):
        facts = {
            name: field_facts
            for name, field_facts in target_facts(view, task.block).items()
            if field_facts.classes
        }
        first = next(iter(facts), None)
        if first is None or may_be_per_dataset(view, task.name):
            continue
        for name, field_facts in facts.items():
            if field_facts.classes != facts[first].classes:
                yield _problem(
                    view, task, (first, facts[first].classes or ()), (name, field_facts.classes or ())
                )


def _problem(
    view: View,
    task: LocatedBlock[Task],
    first: tuple[str, tuple[str, ...]],
    other: tuple[str, tuple[str, ...]],
) -> Problem:
    target = str(task.block.target)
    (one, here), (two, there) = first, other
    if len(here) != len(there):
        title = f"target `{target}` has {len(here)} classes in `{one}` but {len(there)} in `{two}`"
    elif set(here) == set(there):
        title = f"target `{target}` has its classes in another order in `{one}` than in `{two}`"
    else:
        odd = next(name for name in there if name not in here)
        title = f"target `{target}` has a class `{odd}` in `{two}` but not in `{one}`"
    return Problem(
        CODE,
        title,
        at=dataset_place(task, two),
        label=f"classes: {_few(there)}",
        also={
            dataset_place(task, one): f"classes: {_few(here)}",
            field_place(view, two, target): f"{len(there)} classes in `{two}`",
        },
        helps=(
            *(("give the head `per_dataset: true`",) if len(here) == len(there) else ()),
            "use one task for each dataset",
        ),
    )


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
