"""Places of search-space paths in the spec, and the values that they accept."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from declare.contract.component import Component, Strict, plain
from declare.contract.problem import Problem
from declare.parsing.parser import EVERYTHING, read
from declare.parsing.poison import POISON


class Place(NamedTuple):
    """A value of the spec: the deepest block around it, and the path inside that block."""

    owner: Strict
    rest: tuple[str, ...]


class UnknownPath(NamedTuple):
    """Where a path leaves the spec: the known part, the unknown key, and the keys that exist there."""

    known: str
    word: str
    words: tuple[str, ...]


def locate(spec: Any, path: str) -> Place | UnknownPath | None:
    """Return a dotted path's place, or where it leaves the spec; None if an earlier error hides it."""
    rest: tuple[str, ...] = ()
    value = owner = spec
    parts = path.split(".")
    for index, word in enumerate(parts):
        if value is POISON or owner is POISON:
            return None
        if isinstance(value, Strict):
            owner, rest = value, ()
        words = _words(value)
        if word not in words:
            return UnknownPath(".".join(parts[:index]), word, words)
        value, rest = _child(value, word), (*rest, word)
    return Place(owner, rest)


def misread(place: Place, value: Any) -> list[Problem]:
    """Return the problems of reading `value` at `place`; none if the block has errors anyway."""
    tree = _block(place.owner)
    if _contains_poison(tree):
        return []
    _put(tree, place.rest, value)
    known: Any = place.owner.kind() if isinstance(place.owner, Component) else type(place.owner)
    _, problems = read(known, tree, trust=EVERYTHING)
    return list(problems)


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, BaseModel):
        names = tuple(info.alias or name for name, info in type(value).model_fields.items())
        return ("type", *names) if isinstance(value, Component) else names
    if isinstance(value, Mapping):
        return tuple(map(str, value))
    return tuple(map(str, range(len(value)))) if isinstance(value, list | tuple) else ()


def _child(value: Any, word: str) -> Any:
    if isinstance(value, Component) and word == "type":
        return value.type_name()
    if isinstance(value, BaseModel):
        fields = type(value).model_fields.items()
        return getattr(value, next(name for name, info in fields if (info.alias or name) == word))
    return value[word] if isinstance(value, Mapping) else value[int(word)]


def _block(owner: Strict) -> dict[str, Any]:
    """Return what a block states as a plain tree."""
    stated = {
        info.alias or name: plain(getattr(owner, name))
        for name, info in type(owner).model_fields.items()
        if name in owner.model_fields_set
    }
    return {"type": owner.type_name()} | stated if isinstance(owner, Component) else stated


def _contains_poison(tree: Any) -> bool:
    if isinstance(tree, dict):
        return any(map(_contains_poison, tree.values()))
    return any(map(_contains_poison, tree)) if isinstance(tree, list) else tree is POISON


def _put(tree: Any, rest: tuple[str, ...], value: Any) -> None:
    *way, last = rest
    for word in way:
        tree = tree[int(word)] if isinstance(tree, list) else tree[word]
    if isinstance(tree, list):
        tree[int(last)] = value
    else:
        tree[last] = value
