"""What the language has but this version cannot do yet: marked where the spec's models define it."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from declare.contract.component import Component
from declare.contract.problem import Problem, Rewrite, key_path
from declare.language.spec import NotSupported
from declare.parsing.phrases import short
from declare.parsing.poison import POISON


def not_yet(block: Any, path: str = "") -> Iterator[Problem]:
    """Yield every value of a strict block that is marked as `NotSupported` (REF206)."""
    if isinstance(block, dict):
        for key, item in block.items():
            yield from not_yet(item, key_path(path, key))
    elif isinstance(block, BaseModel) and not isinstance(block, Component):
        for name, info in type(block).model_fields.items():
            value = getattr(block, name)
            where = key_path(path, name)
            if value is POISON:
                continue
            marks = [item for item in info.metadata if isinstance(item, NotSupported)]
            if marks and marks[0].covers(value):
                yield _problem(name, value, where, marks[0])
            else:
                yield from not_yet(value, where)


def _problem(name: str, value: Any, path: str, mark: NotSupported) -> Problem:
    plain = isinstance(value, str | int | float)
    what = f"`{name}: {short(str(value))}`" if plain else f"`{name}`"
    return Problem(
        "REF206",
        f"{what} is not supported by this version yet",
        at=path,
        on="key",
        label="cannot be done yet",
        helps=(mark.instead,),
        rewrites=(Rewrite("remove it", path, safe=False),),
    )
