"""A stated number of classes must be that of the data."""

from collections.abc import Iterator
from typing import Any

from declare.contract.facts import FieldFacts
from declare.contract.problem import Problem, Rewrite
from declare.rules.spec_parts import LocatedBlock, datasets, get, items, losses, target_facts, tasks
from declare.rules.spec_view import View

CODE = "LOS401"
STAGE = "facts"

_NAMES = ("classes", "num_classes")


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each stated class count that differs from the data's."""
    for dataset in datasets(view):
        for name in get(dataset.block, "fields") or {}:
            facts = view.facts[dataset.name].fields.get(name) if dataset.name in view.facts else None
            field = LocatedBlock(f"{dataset.path}.fields.{name}", name, get(dataset.block, "fields", name))
            yield from _compare(field, f"field `{name}`", {dataset.name: facts} if facts else {}, name)
    for task in tasks(view):
        facts_by_dataset = target_facts(view, task.block)
        blocks = [(loss, f"loss `{loss.block.type_name()}`") for loss in losses(task)]
        blocks += [(head, f"head of `{task.name}`") for head in items(task.block, task.path, "head")]
        blocks += [
            (metric, f"metric `{metric.block.type_name()}`")
            for metric in items(task.block, task.path, "metrics")
        ]
        for block, what in blocks:
            yield from _compare(block, what, facts_by_dataset, get(task.block, "target"))


def _compare(
    part: LocatedBlock[Any], what: str, facts: dict[str, FieldFacts], field: str | None
) -> Iterator[Problem]:
    for name in _NAMES:
        stated = get(part.block, name)
        if isinstance(stated, list | tuple):
            stated = len(stated)
        if not isinstance(stated, int):
            continue
        for dataset, field_facts in facts.items():
            if field_facts.classes is not None and len(field_facts.classes) != stated:
                yield _problem(
                    f"{part.path}.{name}", what, stated, (dataset, field or "", field_facts.classes)
                )
                break


def _problem(at: str, what: str, stated: int, data: tuple[str, str, tuple[str, ...]]) -> Problem:
    dataset, field, classes = data
    shown = ", ".join(f"`{name}`" for name in classes[:6]) + (", ..." if len(classes) > 6 else "")
    return Problem(
        CODE,
        f"{what} has {stated} classes, but dataset `{dataset}` has {len(classes)}",
        at=at,
        label=f"{stated} classes stated here",
        also={f"datasets.{dataset}.source": f"{len(classes)} classes found in `{field}`"},
        notes=(f"the classes of `{dataset}.{field}` are {shown}",),
        helps=("remove the number: the class count is inferred from the data",),
        rewrites=(
            Rewrite(f"set it to {len(classes)}, as in the data", at, len(classes), safe=False),
            Rewrite("remove the stated class count", at),
        ),
    )
