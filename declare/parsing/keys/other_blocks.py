"""Where in the whole language a key is written: named to who writes it in another block."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from pydantic import BaseModel

from declare.contract.component import Component
from declare.diagnostics.synonyms import synonym
from declare.parsing.annotation import TypeSpec, fields
from declare.parsing.keys.key_places import Level
from declare.parsing.lookup import find, own_names

_SHOWN, _SHOWN_TYPES = 3, 4


class KeyPlace(NamedTuple):
    """A block with a key: its path, `*` in the place of a name, and the components that have it, none if all do."""

    block: str
    kind: str | None
    components: tuple[str, ...]


def other_blocks(key: str, levels: Sequence[Level]) -> str | None:
    """Return a sentence with the blocks that have a key, or what other frameworks mean by it; None if none has."""
    level, known = levels[-1], synonym(key)
    kind = level.model.kind() if issubclass(level.model, Component) else None
    for word in (key, *(known.keys if known else ())):
        places = [
            place for place in _key_places(levels[0].model).get(word, ()) if place.kind != kind or not kind
        ]
        places.sort(key=lambda place: _distance(place.block, level.path))
        if places:
            shown = [_place_text(place, levels[0]) for place in places[:_SHOWN]]
            more = ", ..." if len(places) > _SHOWN else ""
            return f"`{word}` is written in {' or '.join(shown)}{more}"
    return None


def _distance(block: str, path: str) -> tuple[bool, int]:
    return block.partition(".")[0] != path.partition(".")[0], block.count(".")


def _place_text(place: KeyPlace, root: Level) -> str:
    """Return how the path of a place is written, with the name of the only block of a section."""
    section, *rest = place.block.split(".")
    blocks = root.block.get(section)
    only = next(iter(blocks)) if isinstance(blocks, dict) and len(blocks) == 1 else "NAME"
    path = ".".join((section, *(only if word == "*" and at == 0 else word for at, word in enumerate(rest))))
    path = path.replace("*", "NAME") or "the top level"
    types = ", ".join(f"`{name}`" for name in place.components[:_SHOWN_TYPES])
    more = ", ..." if len(place.components) > _SHOWN_TYPES else ""
    return f"`{path}`" + (f" of type {types}{more}" if types else "")


@cache
def _key_places(root: type[BaseModel]) -> dict[str, tuple[KeyPlace, ...]]:
    """Return the places of every key of a language."""
    places: dict[str, dict[str, KeyPlace]] = {}
    for block, kind, component, model in _blocks(root):
        for key in fields(model):
            place = places.setdefault(key, {}).get(block, KeyPlace(block, kind, ()))
            here = (*place.components, component) if component else ()
            places[key][block] = place._replace(components=here)
    return {
        key: tuple(
            place._replace(
                components=()
                if place.kind and place.components == own_names(place.kind)
                else place.components
            )
            for place in blocks.values()
        )
        for key, blocks in places.items()
    }


def _blocks(root: type[BaseModel]) -> Iterator[tuple[str, str | None, str, type[BaseModel]]]:
    """Yield path, kind, component and model of the blocks of a language, each model once; outer blocks first."""
    queue: list[tuple[str, str | None, str, type[BaseModel]]] = [("", None, "", root)]
    seen: set[object] = {root}
    while queue:
        block = queue.pop(0)
        yield block
        for key, (_, item) in fields(block[3]).items():
            path = f"{block[0]}.{key}" if block[0] else key
            for inner, model, kind in _inner_blocks(item, path):
                if (kind or model) not in seen:
                    seen.add(kind or model)
                    components = (
                        [(name, find(kind, name)) for name in own_names(kind)] if kind else [("", model)]
                    )
                    queue += [(inner, kind, name, cls) for name, cls in components if cls is not None]


def _inner_blocks(item: TypeSpec, path: str) -> Iterator[tuple[str, type[BaseModel], str | None]]:
    for option in item.options:
        if option.origin is list:
            yield from _inner_blocks(option.arguments[0], path)
        elif option.origin is dict:
            yield from _inner_blocks(option.arguments[1], f"{path}.*")
        elif option.model is not None:
            yield path, option.model, option.slot
