"""Parameters of a spec by their paths: which form each has, where it stands, and which are not stated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from declare.language.spec import Spec
from declare.parsing.annotation import TypeSpec, accepts, fields, form, kind_of
from declare.parsing.lookup import find

Steps = tuple[str | int, ...]


def parameters(
    value: Any, item: TypeSpec | None = None, steps: Steps = ()
) -> Iterator[tuple[Steps, TypeSpec]]:
    """Yield path and form of every parameter of a spec, stated or not, outer ones first."""
    item = item or form(Spec)
    if steps:
        yield steps, item
    option = next((option for option in item.options if accepts(option, kind_of(value))), None)
    if option is None:
        return
    model = model_of(option, value)
    if model is not None and isinstance(value, dict):
        for key, (_, inner) in fields(model).items():
            if key in value:
                yield from parameters(value[key], inner, (*steps, key))
            else:
                yield (*steps, key), inner
    elif option.origin is list and option.arguments:
        for index, part in enumerate(value):
            yield from parameters(part, option.arguments[0], (*steps, index))
    elif option.origin is dict:
        for key, part in value.items():
            yield from parameters(part, option.arguments[1], (*steps, key))


def model_of(option: TypeSpec, value: Any) -> Any:
    """Return the strict model of a block; a component's by its type."""
    if option.slot and option.origin is None:
        name = value.get("type") if isinstance(value, dict) else value
        return find(option.slot, name) if isinstance(name, str) else None
    return option.model


def steps_of(path: str) -> Steps:
    """Return a dotted path as keys and indices."""
    return tuple(int(part) if part.isdigit() else part for part in path.split(".")) if path else ()


def get(value: Any, steps: Steps) -> Any:
    """Return what stands at a path; None where there is nothing."""
    for step in steps:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def changed(value: Any, steps: Steps, new: Any) -> Any:
    """Return a copy of a spec with another value at a path."""
    if not steps:
        return new
    first, *rest = steps
    if isinstance(value, list):
        assert isinstance(first, int)
        return [
            changed(part, tuple(rest), new) if index == first else part for index, part in enumerate(value)
        ]
    return value | {first: changed(value.get(first, {}), tuple(rest), new)}


def without(value: Any, steps: Steps) -> Any:
    """Return a copy of a spec that lacks what stands at a path."""
    first, *rest = steps
    if isinstance(value, list):
        kept = enumerate(value)
        return [
            without(part, tuple(rest)) if rest and index == first else part
            for index, part in kept
            if rest or index != first
        ]
    if not isinstance(value, dict) or first not in value:
        return value
    if not rest:
        return {key: part for key, part in value.items() if key != first}
    return value | {first: without(value[first], tuple(rest))}
