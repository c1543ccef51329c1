"""What is known of a value while code is specialised."""

from dataclasses import dataclass, field
from typing import Any

from declare.emit.specialize.recording import Module


@dataclass(frozen=True)
class Value:
    """Nothing is known."""


@dataclass(frozen=True)
class Const(Value):
    """A constant of Python."""

    value: Any


@dataclass(frozen=True)
class NotNone(Value):
    """Some object that is not None."""


@dataclass(frozen=True)
class Tensor(NotNone):
    """A tensor; `rank` and `is_float` if they are known."""

    rank: int | None = None
    is_float: bool | None = None


@dataclass(frozen=True)
class Instance(NotNone):
    """A module or another object of this program; equal if the `config_key` of both is."""

    record: Any = field(compare=False)
    key: str = ""


@dataclass(frozen=True)
class OneOf(NotNone):
    """One of several modules."""

    records: tuple[Module, ...] = field(compare=False)
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Items(NotNone):
    """A tuple or list of known length."""

    items: tuple[Value, ...] = ()


@dataclass(frozen=True)
class Batch(NotNone):
    """The fields of a batch by name; `lengths` are the names of the lengths that it holds."""

    lengths: frozenset[str] = frozenset()


UNKNOWN = Value()


def merge(left: Value, right: Value) -> Value:
    """Return what holds for both."""
    if left == right:
        return left
    if isinstance(left, Tensor) and isinstance(right, Tensor):
        return Tensor(
            left.rank if left.rank == right.rank else None,
            left.is_float if left.is_float == right.is_float else None,
        )
    if isinstance(left, Items) and isinstance(right, Items) and len(left.items) == len(right.items):
        return Items(tuple(map(merge, left.items, right.items)))
    if _is_object(left) and _is_object(right):
        return NotNone()
    return UNKNOWN


def _is_object(value: Value) -> bool:
    return isinstance(value, NotNone) or (isinstance(value, Const) and value.value is not None)
