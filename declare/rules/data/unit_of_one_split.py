"""Inputs need one unit in training and evaluation."""

from collections.abc import Iterator

from declare.contract.kinds.transform import Transform
from declare.contract.problem import Problem
from declare.rules.queries.fields import field_layout, target_fields
from declare.rules.spec_parts import LocatedBlock, datasets, get, items
from declare.rules.spec_view import View

CODE = "DAT402"
STAGE = "facts"

_SIDES = ("train", "eval")


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each field that is in another unit in training than in evaluation; not for targets."""
    for dataset in datasets(view):
        chain = [
            item for item in items(dataset.block, dataset.path, "transforms") if item.block.effect == "units"
        ]
        one_sided = {name: item for item in chain if item.block.on != "all" for name in _fields(item.block)}
        for name, item in one_sided.items():
            train, evaluation = ([*_units(chain, name, side)] for side in _SIDES)
            # The type of images would differ, which is reported with their shapes.
            is_image = (field_layout(view, dataset.name, name) or ("", ""))[1] == "image"
            if train != evaluation and not is_image and name not in target_fields(view, dataset.name):
                yield _problem(item, name)


def _fields(transform: Transform) -> list[str]:
    stated = get(transform, "field"), *(get(transform, "fields") or ())
    return [name for name in stated if isinstance(name, str)]


def _units(chain: list[LocatedBlock[Transform]], field: str, side: str) -> Iterator[str]:
    """Yield the types of transforms to another unit that a field goes through on one side."""
    for item in chain:
        if field in _fields(item.block) and item.block.on in {"all", side}:
            yield item.block.type_name()


def _problem(item: LocatedBlock[Transform], field: str) -> Problem:
    side, other = ("training", "evaluation") if item.block.on == "train" else ("evaluation", "training")
    return Problem(
        CODE,
        f"`{item.block.type_name()}` changes the unit of `{field[:20]}` in {side} only",
        at=f"{item.path}.on",
        label=f"{other} has the numbers of the source",
        helps=("apply it to all samples: `on: all`",),
    )
