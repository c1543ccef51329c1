"""Unknown keys of a block: a typing error, another framework's key, a key of another block, or none of these."""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel

from declare.contract.component import Component
from declare.contract.duration import Duration
from declare.contract.problem import Problem, Rewrite, key_path
from declare.diagnostics.advice import advice, advice_in
from declare.diagnostics.foreign_values import our_values, switched_on
from declare.diagnostics.suggest import slip, suggest
from declare.diagnostics.synonyms import Synonym, plain, synonym
from declare.parsing.annotation import TypeSpec, accepts, fields, kind_of
from declare.parsing.keys.key_places import (
    Level,
    Place,
    far_places,
    inner_places,
    near_places,
    of_machine,
    outer_places,
    section_of,
    stated_path,
)
from declare.parsing.keys.other_blocks import other_blocks
from declare.parsing.lookup import find, kinds, names, own_names
from declare.parsing.phrases import block_name, list_words, scalar_text, type_text

Fits = Callable[[TypeSpec, Any], bool]
"""Whether a value can be read in a form."""
_UNREADABLE = object()


class UnknownKey(NamedTuple):
    """An unknown key: its problem, the key of the same block that it means, the paths where it belongs."""

    problem: Problem
    meant: str | None = None
    belongs: tuple[str, ...] = ()


def unknown_key(key: str, levels: Sequence[Level], meant: Collection[str], fits: Fits) -> UnknownKey:
    """Return the problem of a key that the innermost block does not have.

    `meant` are keys that other unknown ones of the block mean.
    """
    level = levels[-1]
    free = [name for name in fields(level.model) if name not in level.block and name not in meant]
    other = slip(key, free)
    # What other frameworks call by a word counts more than a slip that does not take the value.
    if other is not None and (synonym(key) is None or fits(fields(level.model)[other][1], level.block[key])):
        return _renamed_key(key, level, [other], sure=True)
    places = [*outer_places(key, levels), *inner_places(key, level), *of_machine(key, levels)]
    places = [place for place in places if fits(place.form, level.block[key]) or synonym(key) is None]
    known = (
        _other_meaning(key, levels)
        or (_misplaced_key(key, levels, places, fits) if places else None)
        or _by_synonym(key, levels, fits)
        or _key_with_advice(key, level, advice(key))
    )
    if known is not None:
        return known
    near = suggest(key, free)
    if near:
        near = [name for name in near if _takes_kind(fields(level.model)[name][1], level.block[key])] or near
        item = fields(level.model)[near[0]][1]
        return _renamed_key(key, level, near, sure=len(near) == 1 and fits(item, level.block[key]))
    rewrite = Rewrite("remove it", key_path(level.path, key), safe=False)
    return UnknownKey(_problem(key, level, tuple(_remedies(level.model, key, levels)), rewrite))


def _takes_kind(item: TypeSpec, value: Any) -> bool:
    """Return whether a form takes values of this kind as they are."""
    return any(accepts(option, kind_of(value)) for option in item.options)


def _other_meaning(key: str, levels: Sequence[Level]) -> UnknownKey | None:
    """Return what is to be done if a word means something else in the blocks of its section."""
    section, _, rest = levels[-1].path.partition(".")
    words = [word for word in rest.split(".")[1:] if not word.isdecimal()]
    inner = ".".join(words[:1] if words[:1] == ["fields"] else words)
    place = f"{section}.{inner}" if inner else section if rest else "" if section else "spec"
    return _key_with_advice(key, levels[-1], advice_in(place, key))


def _key_with_advice(key: str, level: Level, sentence: str | None) -> UnknownKey | None:
    """Return that a key of another framework is not written here, and what is done instead."""
    if sentence is None:
        return None
    rewrite = Rewrite("remove it", key_path(level.path, key), safe=False)
    return UnknownKey(_problem(key, level, (sentence,), rewrite, label="another framework's word"))


def _stated_twice(key: str, level: Level, path: str) -> UnknownKey:
    """Return the problem that another key already has this meaning."""
    shown_path = path.removeprefix(f"{level.path}.") if level.path else path
    helps = (f"remove it: `{shown_path}` states it already",)
    rewrite = Rewrite("remove it", key_path(level.path, key), safe=False)
    return UnknownKey(_problem(key, level, helps, rewrite, label="stated twice"))


def unknown_key_of_kind(key: str, levels: Sequence[Level], kind: str, fits: Fits) -> UnknownKey | None:
    """Return the problem of a key of a component with an unknown type; None if a component of its kind has it.

    The innermost block has the model of all of the kind.
    Without a `type`, which a base may state, any key may be right.
    """
    level = levels[-1]
    parameters = _parameters(kind)
    if key in parameters:
        return None
    other = slip(key, [name for name in fields(level.model) if name not in level.block])
    if other is not None:
        return _renamed_key(key, level, [other], sure=True)
    if "type" not in level.block:
        return None
    near = suggest(key, [name for name in parameters if name not in level.block])
    return _renamed_key(key, level, near, sure=False) if near else unknown_key(key, levels, (), fits)


@cache
def _parameters(kind: str) -> frozenset[str]:
    """Return the parameters of all components of a kind."""
    return frozenset(key for name in names(kind) if (cls := find(kind, name)) for key in fields(cls))


def _problem(key: str, level: Level, helps: tuple[str, ...], *rewrites: Rewrite, label: str = "") -> Problem:
    return Problem(
        "SCH101",
        f"{owner(level.model, level.path)} has no key `{key}`",
        at=key_path(level.path, key),
        on="key",
        label=label or "unknown key",
        helps=helps,
        rewrites=rewrites,
    )


def owner(model: type[BaseModel], path: str) -> str:
    """Return how messages call the block that has a key or lacks it."""
    if issubclass(model, Component) and model.__module__.startswith("declare.components."):
        return f"`{model.type_name()}`"
    return block_name(path)


def _renamed_key(key: str, level: Level, near: Sequence[str], *, sure: bool) -> UnknownKey:
    """Return that a key means another one of its block."""
    rewrite = Rewrite(f"rename to `{near[0]}`", key_path(level.path, key), key=near[0], safe=sure)
    words = " or ".join(f"`{word}`" for word in near)
    return UnknownKey(_problem(key, level, (f"write {words}",), rewrite), near[0])


def _misplaced_key(key: str, levels: Sequence[Level], places: Sequence[Place], fits: Fits) -> UnknownKey:
    """Return the problem that a key belongs to another block, or is already there."""
    first, level = places[0], levels[-1]
    if not first.present and (stated := stated_path([key], levels[:-1], "")):
        return _stated_twice(key, level, stated)
    helps = (f"move it to `{first.block}`" if first.block else "move it to the top level",)
    safe = first.present and len(places) == 1 and fits(first.form, level.block[key])
    move = Rewrite(f"move it to `{first.path}`", key_path(level.path, key), to=first.path, safe=safe)
    problem = _problem(key, level, helps, move, label="it belongs elsewhere")
    return UnknownKey(problem, belongs=tuple(place.path for place in places))


def _by_synonym(key: str, levels: Sequence[Level], fits: Fits) -> UnknownKey | None:
    """Return what another framework's word means here; None if it means nothing that can be stated."""
    known, level = synonym(key) or Synonym((key,), alike=False), levels[-1]
    at = key_path(level.path, key)
    own_keys = [name for name in known.keys if name.partition(".")[0] in fields(level.model)]
    if twice := stated_path(own_keys, levels, at):
        return _stated_twice(key, level, twice)
    near, far = [*near_places(known.keys, levels)], [*far_places(known.keys, levels)]
    place = next((place for place in (*near, *far) if _takes(place, key, level, fits)), None)
    if place is None and (twice := stated_path(known.keys, levels, at)):
        return _stated_twice(key, level, twice)
    place = place or next((place for place in near if place.path.startswith(level.path)), None)
    if place is None and (elsewhere := section_of(known.keys, levels)):
        return _key_with_advice(key, level, f"write it as `{elsewhere}`")
    place = place or next(iter((*near, *far)), None)
    if place is None:
        return None
    stated = level.block[key]
    value = _convert_value(key, stated, place.form, fits)
    here = place.block == level.path
    rewrite = _rewrite(key_path(level.path, key), place, value, stated, safe=not known.alike, here=here)
    helps = (f"write `{_example(place, level, None if value is _UNREADABLE else value)}`",)
    if value is _UNREADABLE:
        helps = (f"{helps[0]} with {type_text(place.form)}",)
    label = "another framework's word"
    problem = _problem(key, level, helps, *([rewrite] if rewrite else ()), label=label)
    return UnknownKey(problem, place.key if here else None, () if here else (place.path,))


def _takes(place: Place, key: str, level: Level, fits: Fits) -> bool:
    """Return whether a place takes the value of a key, if need be in another form."""
    return _convert_value(key, level.block[key], place.form, fits) is not _UNREADABLE


def _example(place: Place, level: Level, value: Any) -> str:
    """Return how a key is written in its place, with a value that has one line; as seen from the block at hand."""
    inner = f"{place.key}: {scalar_text(value)}" if isinstance(value, int | float | str) else place.key
    if place.block == level.path:
        return inner
    outer = place.block.removeprefix(f"{level.path}.")
    typed = "type: NAME, " if place.typed and not place.present else ""
    return f"{outer}: {{{typed}{inner}}}" if ":" in inner else f"{outer}.{inner}" if outer else inner


def _rewrite(at: str, place: Place, value: Any, stated: Any, *, safe: bool, here: bool) -> Rewrite | None:
    """Return the change that gives a key its name, its place and, if it has another form, its value."""
    if value is _UNREADABLE or (not here and not place.present):
        return Rewrite(f"rename to `{place.key}`", at, key=place.key, safe=False) if here else None
    changed = None if value is stated else value
    if here and changed is None:
        return Rewrite(f"rename to `{place.key}`", at, key=place.key, safe=safe)
    safe = safe and (changed is None or str(stated) in str(changed).split())
    title = (
        f"move it to `{place.path}`" if changed is None else f"write `{place.path}: {scalar_text(changed)}`"
    )
    return Rewrite(title, at, changed, to=place.path, safe=safe)


def _convert_value(key: str, value: Any, item: TypeSpec, fits: Fits) -> Any:
    """Return a value as the key that is meant takes it, `_UNREADABLE` if none is known."""
    for candidate in (value, *_conversions(key, value, item)):
        if fits(item, candidate):
            return candidate
    return _UNREADABLE


def _conversions(key: str, value: Any, item: TypeSpec) -> Iterator[Any]:
    """Yield other forms of a value: a flag as the word that it switches on, a number with its unit."""
    word = plain(key)
    yield from (text for text in (switched_on(key, value),) if text is not None)
    yield from our_values(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else ()
    if isinstance(value, list) and len(value) == 1:
        yield value[0]
    if value is True:
        words = [
            str(text)
            for option in item.options
            if option.origin is Literal
            for text in get_args(option.annotation)
        ]
        yield from (text for text in words if plain(text) in word.removeprefix("use"))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if any(option.annotation is Duration for option in item.options):
        if re.search(r"ratio|fraction|proportion", word):
            yield f"{100 * value:g}%"
        elif re.search(r"step|iter", word):
            yield f"{value} steps"
        elif "epoch" in word:
            yield f"{value} epochs"


def _remedies(model: type[BaseModel], key: str, levels: Sequence[Level]) -> Iterator[str]:
    """Yield what may help with a key that resembles none: another component's, the keys that there are."""
    if issubclass(model, Component):
        kind = model.kind()
        owners = [other for other in own_names(kind) if _has(kind, other, key)] if kind in kinds() else []
        if owners:
            yield f"`{key}` is a parameter of {list_words(owners)}"
        sized_by_target = r"(num_|n_)?(classes|outputs|labels)|out\w*"
        sized_by_target += r"|(width|dim)\w*" if kind == "heads" else ""
        if kind in {"heads", "modules"} and re.fullmatch(sized_by_target, key):
            yield f"remove `{key}`: the width of a head is linked to its task's target"
            return
        if kind in {"heads", "modules"} and re.fullmatch(
            r"in(put)?_\w+|n(um)?_(channels|features|inputs)", key
        ):
            yield f"remove `{key}`: the size of an input is known from what is read"
            return
    if elsewhere := other_blocks(key, levels):
        yield elsewhere
    known = list(fields(model))
    yield (
        f"use one of {list_words(known[:8])}{', ...' if len(known) > 8 else ''}"
        if known
        else f"remove `{key}`"
    )


def _has(kind: str, name: str, key: str) -> bool:
    cls = find(kind, name)
    return cls is not None and key in fields(cls)
