"""A module that several datasets share reads indices, which must be the same classes or tokens in all of them."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.ir.plan import ModulePlan
from declare.rules.queries.fields import classes_or_tokens, field_place
from declare.rules.spec_view import View

CODE = "SHP546"
STAGE = "shapes"

_SHOWN = 4


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each shared module that reads other classes, or tokens, in another dataset."""
    for node in view.nodes.values():
        if node.per_dataset or len(node.datasets) < 2:
            continue
        first = node.datasets[0]
        for dataset in node.datasets[1:]:
            pair = _other_names(view, node, first, dataset)
            if pair is not None:
                yield _problem(view, node, (first, pair[0]), (dataset, pair[1]))
                break


def _other_names(view: View, node: ModulePlan, one: str, other: str) -> tuple[str, str] | None:
    """Return the fields of two datasets at the same input of a module that have other names, if any."""
    for here, there in zip(node.wires_of(one), node.wires_of(other), strict=False):
        if here.source != "field" or there.source != "field":
            continue
        facts = [view.facts[name].fields.get(wire.name) for name, wire in ((one, here), (other, there))]
        names = [None if item is None else classes_or_tokens(item) for item in facts]
        if None not in names and names[0] != names[1]:
            return here.name, there.name
    return None


def _problem(view: View, node: ModulePlan, one: tuple[str, str], other: tuple[str, str]) -> Problem:
    names = {item: classes_or_tokens(view.facts[item[0]].fields[item[1]]) for item in (one, other)}
    are_classes = all(isinstance(item, list) for item in names.values())
    return Problem(
        CODE,
        f"`{node.name[:24]}` reads other {'classes' if are_classes else 'tokens'} in `{one[0]}` than in `{other[0]}`",
        at=field_place(view, *other),
        label="its indices are other names",
        also={field_place(view, *one): "the same indices are names of this field"},
        notes=tuple(f"`{field}` of `{dataset}`: {_brief(names[dataset, field])}" for dataset, field in names)
        if are_classes
        else (),
        helps=(
            "state the same `classes` in both datasets"
            if are_classes
            else "use one tokenizer in both: `byte`, or `{type: file, path: ...}`",
            f"or state `per_dataset: true` in `{node.name}`",
        ),
    )


def _brief(classes: list[str]) -> str:
    return ", ".join(classes[:_SHOWN]) + (", ..." if len(classes) > _SHOWN else "")
