"""What specs draw from the catalogue, and what none of them drew: components of every kind, and keys of the blocks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from declare.language.spec import Dataset, Hardware, Phase, Spec
from declare.parsing.annotation import fields
from declare.parsing.lookup import find, kinds, own_names
from tests.combining.places import get, parameters

_BLOCKS: Mapping[str, type[Any]] = {
    "key": Spec,
    "dataset": Dataset,
    "phase": Phase,
    "hardware": Hardware,
}
"""Blocks that are no components: each of their keys counts as something to draw."""


def drawn(spec: dict[str, Any]) -> set[str]:
    """Return what a spec draws, as `KIND NAME`."""
    found = {f"key {key}" for key in spec} | {f"hardware {key}" for key in spec.get("hardware", {})}
    for section, word in (("datasets", "dataset"), ("phases", "phase")):
        found |= {f"{word} {key}" for block in spec.get(section, {}).values() for key in block}
    return found | {f"{kind} {name}" for kind, name in _components(spec)}


def _components(spec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for steps, item in parameters(spec):
        value = get(spec, steps)
        name = value.get("type") if isinstance(value, dict) else value
        for option in item.options:
            if option.slot and option.origin is None and isinstance(name, str):
                yield option.slot, name


def known() -> set[str]:
    """Return all that may be drawn: our own components that run nobody's code, and keys of blocks."""
    return components() | {f"{word} {key}" for word, model in _BLOCKS.items() for key in fields(model)}


def components() -> set[str]:
    """Return our own components that run nobody's code, as `KIND NAME`."""
    return {
        f"{kind} {name}"
        for kind in kinds()
        for name in own_names(kind)
        if (cls := find(kind, name)) is not None and not cls.trusted_only
    }


def missed(used: Counter[str]) -> dict[str, list[str]]:
    """Return what was never drawn, by kind."""
    found: dict[str, list[str]] = defaultdict(list)
    for item in sorted(known() - set(used)):
        kind, _, name = item.partition(" ")
        found[kind].append(name)
    return dict(found)


def counts(used: Counter[str]) -> dict[str, str]:
    """Return for each kind how many of those known were drawn; a library's own names come on top."""
    whole = known()
    words = sorted({item.partition(" ")[0] for item in whole})
    return {
        word: f"{sum(item in used for item in whole if item.startswith(f'{word} '))}"
        f"/{sum(item.startswith(f'{word} ') for item in whole)}"
        for word in words
    }
