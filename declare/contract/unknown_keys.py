"""Unknown keys of a block: a slip, another framework's word, a key of another block, or none of these."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel

from declare.contract.component import Component
from declare.contract.duration import Duration
from declare.contract.forms import Form, fields
from declare.contract.lookup import find, kinds, own_names
from declare.contract.problem import Problem, Rewrite
from declare.contract.wording import block_name, shown, wanted
from declare.diagnostics.suggest import slip, suggest
from declare.diagnostics.synonyms import Synonym, plain, synonym

Fits = Callable[[Form, Any], bool]
"""Whether a value can be read in a form."""
_UNREADABLE = object()


class Level(NamedTuple):
    """A block around the current one: its path, its model, what it holds."""

    path: str
    model: type[BaseModel]
    block: dict[str, Any]


class UnknownKey(NamedTuple):
    """An unknown key: its problem, the key of the same block that it means, the paths where it belongs."""

    problem: Problem
    meant: str | None = None
    belongs: tuple[str, ...] = ()


class _Place(NamedTuple):
    """Where a key belongs: the block's path, the key, what it may be; whether the block can hold it as it is now.

    `typed` says that the block is a component.
    """

    block: str
    key: str
    form: Form
    present: bool
    typed: bool = False

    @property
    def path(self) -> str:
        return _join(self.block, self.key)


def unknown_key(key: str, levels: Sequence[Level], meant: Collection[str], fits: Fits) -> UnknownKey:
    """Return what is to be said of a key that the innermost block does not know.

    `meant` are keys that other unknown ones of the block mean.
    """
    level = levels[-1]
    free = [name for name in fields(level.model) if name not in level.block and name not in meant]
    places = [*_above(key, levels), *_below(key, level), *_of_machine(key, levels)]
    if places and slip(key, free) is None:
        return _moved(key, level, places, fits)
    other = slip(key, free)
    if other is not None:
        return _renamed(key, level, [other], sure=True)
    named = _by_synonym(key, levels, fits)
    if named is not None:
        return named
    near = suggest(key, free)
    if near:
        item = fields(level.model)[near[0]][1]
        return _renamed(key, level, near, sure=len(near) == 1 and fits(item, level.block[key]))
    rewrite = Rewrite("remove it", _join(level.path, key), safe=False)
    return UnknownKey(_problem(key, level, tuple(_remedies(level.model, key)), rewrite))


def slip_of_key(model: type[BaseModel], key: str, block: dict[str, Any], path: str) -> Problem | None:
    """Return the problem of an unknown key that is a slip of one that every component of a kind has."""
    other = slip(key, [name for name in fields(model) if name not in block])
    if other is None:
        return None
    return _renamed(key, Level(path, model, block), [other], sure=True).problem


def _problem(key: str, level: Level, helps: tuple[str, ...], *rewrites: Rewrite, label: str = "") -> Problem:
    return Problem(
        "SCH101",
        f"{owner(level.model, level.path)} has no key `{key}`",
        at=_join(level.path, key),
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


def _renamed(key: str, level: Level, near: Sequence[str], *, sure: bool) -> UnknownKey:
    """Return that a key means another one of its block."""
    rewrite = Rewrite(f"rename to `{near[0]}`", _join(level.path, key), key=near[0], safe=sure)
    words = " or ".join(f"`{word}`" for word in near)
    return UnknownKey(_problem(key, level, (f"write {words}",), rewrite), near[0])


def _moved(key: str, level: Level, places: Sequence[_Place], fits: Fits) -> UnknownKey:
    """Return that a key belongs to another block."""
    first = places[0]
    helps = (f"move it to `{first.block}`" if first.block else "move it to the top level",)
    safe = first.present and len(places) == 1 and fits(first.form, level.block[key])
    move = Rewrite(f"move it to `{first.path}`", _join(level.path, key), to=first.path, safe=safe)
    problem = _problem(key, level, helps, move, label="it belongs elsewhere")
    return UnknownKey(problem, belongs=tuple(place.path for place in places))


def _by_synonym(key: str, levels: Sequence[Level], fits: Fits) -> UnknownKey | None:
    """Return what another framework's word means here; None where it means nothing that can be stated."""
    known, level = synonym(key) or Synonym((key,), alike=False), levels[-1]
    stated_already = next((name for name in known.keys if name in level.block and name != key), None)
    if stated_already is not None:
        helps = (f"remove it: `{stated_already}` says it already",)
        return UnknownKey(_problem(key, level, helps, label="said twice"))
    place = next(_places_of(known.keys, levels), None)
    if place is None:
        return None
    stated = level.block[key]
    value = _converted(key, stated, place.form, fits)
    here = place.block == level.path
    rewrite = _rewrite(_join(level.path, key), place, value, stated, safe=not known.alike, here=here)
    helps = (f"write `{_example(place, level, None if value is _UNREADABLE else value)}`",)
    if value is _UNREADABLE:
        helps = (f"{helps[0]} with {wanted(place.form)}",)
    label = "another framework's word"
    problem = _problem(key, level, helps, *([rewrite] if rewrite else ()), label=label)
    return UnknownKey(problem, place.key if here else None, () if here else (place.path,))


def _example(place: _Place, level: Level, value: Any) -> str:
    """Return how a key is written in its place, with a value that has one line; as seen from the block at hand."""
    inner = f"{place.key}: {shown(value)}" if isinstance(value, int | float | str) else place.key
    if place.block == level.path:
        return inner
    outer = place.block.removeprefix(f"{level.path}.")
    typed = "type: NAME, " if place.typed and not place.present else ""
    return f"{outer}: {{{typed}{inner}}}" if ":" in inner else f"{outer}.{inner}" if outer else inner


def _rewrite(at: str, place: _Place, value: Any, stated: Any, *, safe: bool, here: bool) -> Rewrite | None:
    """Return the change that gives a key its name, its place and, where it has another form, its value."""
    if value is _UNREADABLE or (not here and not place.present):
        return Rewrite(f"rename to `{place.key}`", at, key=place.key, safe=False) if here else None
    changed = None if value is stated else value
    if here and changed is None:
        return Rewrite(f"rename to `{place.key}`", at, key=place.key, safe=safe)
    safe = safe and (changed is None or str(stated) in str(changed).split())
    title = f"move it to `{place.path}`" if changed is None else f"write `{place.path}: {shown(changed)}`"
    return Rewrite(title, at, changed, to=place.path, safe=safe)


def _places_of(keys: Sequence[str], levels: Sequence[Level]) -> Iterator[_Place]:
    """Yield where one of several keys may stand: in the block itself, in those around it and inside of them."""
    level = levels[-1]
    inside = [place for key in keys if (place := _inside(key, level)) is not None]
    yield from inside
    for key in keys:
        if "." not in key:
            yield from _below(key, level)
    for outer in reversed(levels[:-1]):
        yield from (place for key in keys if (place := _inside(key, outer)) is not None)
    for key in keys:
        if "." not in key:
            yield from _of_machine(key, levels)
    yield from (place for key in keys for place in _of_sections(key, levels))


def _of_sections(key: str, levels: Sequence[Level]) -> Iterator[_Place]:
    """Yield the one dataset, module, task or phase of a spec that may state a key that stands in none of them."""
    root, own = levels[0], levels[min(1, len(levels) - 1)].path.partition(".")[0]
    for section, (_, item) in fields(root.model).items():
        blocks = root.block.get(section)
        if item.origin is not dict or not isinstance(blocks, dict) or len(blocks) != 1 or section == own:
            continue
        name, block = next(iter(blocks.items()))
        model = _model_of(item.arguments[1], block) if isinstance(block, dict) else None
        place = _inside(key, Level(f"{section}.{name}", model, block)) if model is not None else None
        if place is not None:
            yield place


def _inside(key: str, level: Level) -> _Place | None:
    """Return the place of a dotted key in a block; None where it has no such key, or states it already."""
    model, block, path, present = level.model, level.block, level.path, True
    *front, last = key.split(".")
    for name in front:
        known = fields(model)
        if name not in known:
            return None
        inner = next(
            (found for option in known[name][1].options if (found := _model_of(option, block.get(name)))),
            None,
        )
        if inner is None:
            return None
        held = block.get(name)
        present = present and (held is not None or (_optional(inner) and not issubclass(inner, Component)))
        model, block, path = inner, held if isinstance(held, dict) else {}, _join(path, name)
    if last not in fields(model) or last in block:
        return None
    return _Place(path, last, fields(model)[last][1], present, issubclass(model, Component))


def _optional(model: type[BaseModel]) -> bool:
    """Return whether a block may hold one key alone, whichever it is."""
    return not any(info.is_required() for info, _ in fields(model).values())


def _above(key: str, levels: Sequence[Level]) -> Iterator[_Place]:
    """Yield the nearest block around this one that knows the key and does not state it."""
    for level in reversed(levels[:-1]):
        if key in fields(level.model):
            yield _Place(level.path, key, fields(level.model)[key][1], key not in level.block)
            return


def _below(key: str, level: Level) -> Iterator[_Place]:
    """Yield the blocks inside this one that know the key and do not state it."""
    for name, (_, item) in fields(level.model).items():
        inside = level.block.get(name)
        for option in item.options:
            inner = _model_of(option, inside)
            if inner is None or key not in fields(inner) or (isinstance(inside, dict) and key in inside):
                continue
            if inside is None and option.slot is not None:
                continue
            present = inside is not None or _optional(inner)
            yield _Place(_join(level.path, name), key, fields(inner)[key][1], present)


def _of_machine(key: str, levels: Sequence[Level]) -> Iterator[_Place]:
    """Yield the sections of the spec whose every key is optional, and which know this one."""
    if len(levels) < 2 or key in fields(levels[0].model):
        return
    for place in _below(key, levels[0]):
        section = place.block
        option = fields(levels[0].model)[section][1]
        if option.model is not None and _optional(option.model):
            yield place


def _model_of(option: Form, block: Any) -> type[BaseModel] | None:
    if option.slot is None or block is None:
        return option.model
    named = block if isinstance(block, str) else block.get("type") if isinstance(block, dict) else None
    return find(option.slot, named) if isinstance(named, str) and option.model is not None else None


def _converted(key: str, value: Any, item: Form, fits: Fits) -> Any:
    """Return a value as the key that is meant takes it, `_UNREADABLE` where none is known."""
    for candidate in (value, *_conversions(key, value, item)):
        if fits(item, candidate):
            return candidate
    return _UNREADABLE


def _conversions(key: str, value: Any, item: Form) -> Iterator[Any]:
    """Yield other forms of a value: a flag as the word that it switches on, a number with its unit."""
    word = plain(key)
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


def _remedies(model: type[BaseModel], key: str) -> Iterator[str]:
    """Yield what may help with a key that resembles none: another component's, the keys that there are."""
    if issubclass(model, Component):
        kind = model.kind()
        owners = [other for other in own_names(kind) if _has(kind, other, key)] if kind in kinds() else []
        if owners:
            yield f"`{key}` is a parameter of {_words(owners)}"
        if kind in {"heads", "modules"} and re.fullmatch(
            r"(num_|n_)?(classes|outputs|labels)|(out|width|dim)\w*", key
        ):
            yield f"remove `{key}`: the width of a head is linked to its task's target"
            return
        if kind in {"heads", "modules"} and re.fullmatch(
            r"in(put)?_\w+|n(um)?_(channels|features|inputs)", key
        ):
            yield f"remove `{key}`: the size of an input is known from what is read"
            return
    known = list(fields(model))
    yield f"use one of {_words(known[:8])}{', ...' if len(known) > 8 else ''}" if known else f"remove `{key}`"


def _has(kind: str, name: str, key: str) -> bool:
    cls = find(kind, name)
    return cls is not None and key in fields(cls)


def _words(words: Sequence[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
