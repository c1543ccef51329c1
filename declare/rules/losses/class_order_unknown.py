"""Ordered classes need an order, which names alone do not have."""

import re
from collections.abc import Iterator, Sequence

from declare.contract.kinds.task import Task
from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place
from declare.rules.spec_parts import LocatedBlock, get, metrics, target_facts, tasks
from declare.rules.spec_view import View

CODE = "LOS441"
STAGE = "facts"

_INTEGER = re.compile(r"[0-9]+")
_NUMBER = re.compile(r"[+-]?[0-9]*\.?[0-9]+(e[+-]?[0-9]+)?", re.IGNORECASE)


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each target of classes whose order a task or metric uses, and nothing states."""
    for task in tasks(view):
        user = _user_of_order(task)
        for dataset, facts in target_facts(view, task.block).items() if user else ():
            target, classes = str(task.block.target), facts.classes or ()
            if len(classes) < 3 or _are_stated(view, dataset, target) or _have_order(classes):
                continue
            yield Problem(
                CODE,
                f"the order of the classes of `{target}` is not known",
                at=field_place(view, dataset, target),
                label="these names are in alphabetical order",
                also={f"{task.path}.type": f"{user} depends on it"},
                notes=(f"they would be in the order {', '.join(classes[:8])}",),
                helps=(
                    f"state them from low to high: `classes: [{', '.join(classes[:8])}]`, in the right order",
                ),
            )
            break


def _user_of_order(task: LocatedBlock[Task]) -> str | None:
    """Return the name of the task type, or else of a metric, that uses the order of classes."""
    if task.block.needs_class_order:
        return task.block.type_name()
    return next((item.block.type_name() for item in metrics(task) if item.block.needs_class_order), None)


def _are_stated(view: View, dataset: str, field: str) -> bool:
    """Return whether the spec, or the source, names the classes in order."""
    stated = get(view.spec, "datasets", dataset, "fields", field, "classes")
    known = view.facts[dataset].blocks.get(field, {}).get("classes")
    return isinstance(stated, list | dict) or isinstance(known, list | tuple | dict)


def _have_order(classes: Sequence[str]) -> bool:
    """Return whether names are numbers or single letters, or rise in a number: at their start, or if alike else."""
    if all(_NUMBER.fullmatch(text) or (len(text) == 1 and text.isalpha()) for text in classes):
        return True
    alike = len({_INTEGER.sub("", text) for text in classes}) == 1
    numbers = [_INTEGER.search(text) if alike else _INTEGER.match(text) for text in classes]
    first = [int(number[0]) for number in numbers if number]
    return len(first) == len(classes) and first == sorted(set(first))
