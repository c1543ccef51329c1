"""Positives are defined by codes: classes or ids, one for each sample."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.contract.shapes import Layout
from declare.rules.queries.fields import field_layout, field_place
from declare.rules.queries.pairings import pairing_fields
from declare.rules.spec_parts import task_datasets, tasks
from declare.rules.spec_view import View

CODE = "SHP542"
STAGE = "facts"
_CODES: tuple[Layout, ...] = ("id", "category")


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each field that defines a task's groups but contains no codes."""
    for task in tasks(view):
        for dataset in task_datasets(view, task.block):
            for name in pairing_fields(task.block):
                kind = field_layout(view, dataset, name)
                if kind is None or kind[1] in _CODES:
                    continue
                same = list((task.block.pairing() or ((), None))[0])
                at = f"same.{same.index(name)}" if name in same else "different"
                yield Problem(
                    CODE,
                    f"`{task.name}` groups samples by `{name}`, which is `{kind[0]}`",
                    at=f"{task.path}.{at}",
                    label="an `id` or `category` field is needed",
                    also={field_place(view, dataset, name): f"`{name}` is a {kind[0]} here"},
                    helps=("use a field with one id or class for each sample", f"make `{name}` an `id`"),
                )
