"""The value in place of one that could not be read: later passes ignore it silently."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, final

from pydantic import BaseModel


@final
class Poison:
    """Stands for a value that already has an error; using it as a truth value is our own bug."""

    def __bool__(self) -> bool:
        raise TypeError("POISON was used as a truth value: compare with `is POISON`")

    def __repr__(self) -> str:
        return "POISON"

    def __deepcopy__(self, memo: dict[int, Any]) -> "Poison":
        return self

    def __copy__(self) -> "Poison":
        return self


POISON: Final = Poison()


def contains_poison(value: Any) -> bool:
    """Return whether POISON is in a value or anywhere inside it."""
    if value is POISON:
        return True
    if isinstance(value, Mapping):
        return any(contains_poison(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(contains_poison(item) for item in value)
    return (
        any(contains_poison(item) for item in vars(value).values()) if isinstance(value, BaseModel) else False
    )


def poison_all(items: Iterable[Any]) -> list[Any]:
    """Return the items with POISON for each that contains it."""
    return [POISON if contains_poison(item) else item for item in items]
