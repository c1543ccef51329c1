"""The form of a value as an annotation states it: type, bounds and slot, taken apart for reading."""

import types
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from declare.contract.component import Slot
from declare.contract.duration import Duration

Kind = Literal["null", "bool", "int", "float", "text", "list", "map"]
_BOUNDS = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern")


@dataclass(frozen=True)
class Description:
    """What a pattern allows, in words, so that the description of the field may be about its purpose."""

    text: str


class TypeSpec(NamedTuple):
    """An annotation taken apart; `bounds` holds `gt`, `min_length`, `pattern` and the like by name."""

    annotation: Any
    bounds: dict[str, Any]
    slot: str | None = None
    description: str = ""
    metadata: tuple[Any, ...] = ()

    @property
    def origin(self) -> Any:
        """The generic type (`list`, `dict`, `Literal`), or None."""
        return get_origin(self.annotation)

    @property
    def is_union(self) -> bool:
        """Whether several types are allowed."""
        return self.origin in {Union, types.UnionType}

    @property
    def options(self) -> "tuple[TypeSpec, ...]":
        """The allowed types one by one, with the bounds stated for all of them."""
        if not self.is_union:
            return (self,)
        return tuple(self._inner(item, self.bounds) for item in get_args(self.annotation))

    @property
    def arguments(self) -> "tuple[TypeSpec, ...]":
        """Return the types of the values of a list or dict."""
        return tuple(self._inner(item, {}) for item in get_args(self.annotation) if item is not Ellipsis)

    def _inner(self, annotation: Any, bounds: dict[str, Any]) -> "TypeSpec":
        inner = form(annotation)
        slot = inner.slot or (self.slot if holds_component(inner.annotation) else None)
        described = inner.description or (self.description if bounds else "")
        return TypeSpec(inner.annotation, bounds | inner.bounds, slot, described, inner.metadata)

    @property
    def nullable(self) -> bool:
        """Whether null is allowed."""
        return any(item.annotation in {None, type(None), Any} for item in self.options)

    @property
    def model(self) -> type[BaseModel] | None:
        """The strict model, if this form is one."""
        plain = isinstance(self.annotation, type) and self.origin is None
        return self.annotation if plain and issubclass(self.annotation, BaseModel) else None


def holds_component(annotation: Any) -> bool:
    """Return whether an annotation contains a component."""
    from declare.contract.component import Component

    if isinstance(annotation, type) and get_origin(annotation) is None:
        return issubclass(annotation, Component)
    return any(
        holds_component(item) for item in get_args(annotation) if get_origin(annotation) is not Literal
    )


def form(annotation: Any, metadata: Iterable[Any] = (), description: str = "") -> TypeSpec:
    """Return the form of an annotation with the metadata of its field."""
    all_metadata = list(metadata)
    while get_origin(annotation) is Annotated:
        annotation, *inner = get_args(annotation)
        all_metadata = [*inner, *all_metadata]
    bounds: dict[str, Any] = {}
    slot, rest, stated = None, [], ""
    for item in _flat(all_metadata):
        if isinstance(item, Description):
            stated = item.text
        if isinstance(item, Slot):
            slot = item.kind
            continue
        known = {name: value for name in _BOUNDS if (value := getattr(item, name, None)) is not None}
        bounds |= known
        rest.append(item)
        if isinstance(item, FieldInfo):
            description = item.description or description
    return TypeSpec(annotation, bounds, slot, stated or description, tuple(rest))


def _flat(metadata: Iterable[Any]) -> Iterable[Any]:
    for item in metadata:
        yield item
        if isinstance(item, FieldInfo):
            yield from item.metadata


@cache
def fields(model: type[BaseModel]) -> dict[str, tuple[FieldInfo, TypeSpec]]:
    """Return a model's parameters by the key that specs write."""
    return {
        info.alias or name: (info, form(info.annotation, info.metadata, info.description or ""))
        for name, info in model.model_fields.items()
    }


def kind_of(value: Any) -> Kind:
    """Return what a plain YAML value is."""
    if value is None:
        return "null"
    for cls, kind in _KINDS:
        if isinstance(value, cls):
            return kind
    return "text"


_KINDS: tuple[tuple[type, Kind], ...] = (
    (bool, "bool"),
    (int, "int"),
    (float, "float"),
    (str, "text"),
    (list, "list"),
    (dict, "map"),
)


def accepts(item: TypeSpec, kind: Kind) -> bool:
    """Return whether a value of this kind may be meant by one option of a form."""
    annotation = item.annotation
    if annotation is Any:
        return True
    if item.slot and holds_component(annotation):
        return kind in ({"list"} if item.origin is list else {"text", "map"})
    if item.origin is Literal:
        return kind in {kind_of(value) for value in get_args(annotation)}
    if item.origin in {list, tuple, dict}:
        return kind == ("map" if item.origin is dict else "list")
    if item.model is not None:
        return kind == "map"
    return kind in _ACCEPTED.get(annotation, {"text"})


_ACCEPTED: dict[Any, set[Kind]] = {
    None: {"null"},
    type(None): {"null"},
    bool: {"bool"},
    int: {"int"},
    float: {"int", "float"},
    str: {"text"},
    Duration: {"text"},
    Path: {"text"},
}
