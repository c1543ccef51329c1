"""Where a key is valid: in a block, in those around and inside it, and in the sections of a spec."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel

from declare.contract.component import Component
from declare.contract.problem import key_path
from declare.parsing.annotation import TypeSpec, fields
from declare.parsing.lookup import find


class Level(NamedTuple):
    """A block around the current one: its path, its model, what it holds."""

    path: str
    model: type[BaseModel]
    block: dict[str, Any]


class Place(NamedTuple):
    """Where a key belongs: the block's path, the key, its possible names; whether the block accepts it now.

    `typed` means that the block is a component.
    """

    block: str
    key: str
    form: TypeSpec
    present: bool
    typed: bool = False

    @property
    def path(self) -> str:
        """The dotted path of the key."""
        return key_path(self.block, self.key)


def near_places(keys: Sequence[str], levels: Sequence[Level]) -> Iterator[Place]:
    """Yield the places of valid keys among several: in the block itself, inside it and in those around it."""
    level = levels[-1]
    yield from (place for key in keys if (place := _place_in(key, level)) is not None)
    for key in keys:
        if "." not in key:
            yield from inner_places(key, level)
    for outer in reversed(levels[:-1]):
        yield from (place for key in keys if (place := _place_in(key, outer)) is not None)


def far_places(keys: Sequence[str], levels: Sequence[Level]) -> Iterator[Place]:
    """Yield the places of valid keys among several elsewhere in the spec."""
    for key in keys:
        if "." not in key:
            yield from of_machine(key, levels)
    yield from (place for key in keys for place in _of_sections(key, levels))


def stated_path(keys: Sequence[str], levels: Sequence[Level], besides: str) -> str | None:
    """Return the first path of several keys that the block or those around it state, except the current key."""
    for key in keys:
        for level in reversed(levels):
            block: Any = level.block
            for name in key.split("."):
                block = block.get(name) if isinstance(block, dict) else None
            path = key_path(level.path, key)
            known = fields(level.model).get(key.partition(".")[0])
            # A section of named blocks (`datasets`, `tasks`) does not concern a block in another one.
            is_section = level is not levels[-1] and not level.path and known and known[1].origin is dict
            if block is not None and known and not is_section and path != besides:
                return path
        for place in of_machine(key, levels, stated=True):
            return place.path
    return None


def section_of(keys: Sequence[str], levels: Sequence[Level]) -> str | None:
    """Return how a key is written in the section whose blocks may state it: `phases.NAME.optimizer.lr`."""
    root, stating = levels[0], levels[min(1, len(levels) - 1)].path.partition(".")[0]
    for key in keys:
        for section, (_, item) in fields(root.model).items():
            if item.origin is not dict or section == stating:
                continue
            models = [option.model for option in item.arguments[1].options if option.model is not None]
            blocks = root.block.get(section)
            name = next(iter(blocks)) if isinstance(blocks, dict) and len(blocks) == 1 else "NAME"
            if any(_place_in(key, Level("", model, {})) for model in models):
                return f"{section}.{name}.{key}"
    return None


def _of_sections(key: str, levels: Sequence[Level]) -> Iterator[Place]:
    """Yield the one dataset, module, task or phase of a spec that may have a key that none of them states."""
    root, stating = levels[0], levels[min(1, len(levels) - 1)].path.partition(".")[0]
    for section, (_, item) in fields(root.model).items():
        blocks = root.block.get(section)
        if item.origin is not dict or not isinstance(blocks, dict) or len(blocks) != 1 or section == stating:
            continue
        name, block = next(iter(blocks.items()))
        model = _model_of(item.arguments[1], block) if isinstance(block, dict) else None
        place = _place_in(key, Level(f"{section}.{name}", model, block)) if model is not None else None
        if place is not None:
            yield place


def _place_in(key: str, level: Level) -> Place | None:
    """Return the place of a dotted key in a block; None if it has no such key, or states it already."""
    model, block, path, present = level.model, level.block, level.path, True
    *front, last = key.split(".")
    for name in front:
        known = fields(model)
        if name not in known:
            return None
        inner = next(
            (
                candidate
                for option in known[name][1].options
                if (candidate := _model_of(option, block.get(name)))
            ),
            None,
        )
        if inner is None:
            return None
        stated = block.get(name)
        present = present and (stated is not None or (_optional(inner) and not issubclass(inner, Component)))
        model, block, path = inner, stated if isinstance(stated, dict) else {}, key_path(path, name)
    if last not in fields(model) or last in block:
        return None
    return Place(path, last, fields(model)[last][1], present, issubclass(model, Component))


def _optional(model: type[BaseModel]) -> bool:
    """Return whether a block may hold one key alone, whichever it is."""
    return not any(info.is_required() for info, _ in fields(model).values())


def outer_places(key: str, levels: Sequence[Level]) -> Iterator[Place]:
    """Yield the nearest block around this one that knows the key and does not state it."""
    for level in reversed(levels[:-1]):
        if key in fields(level.model):
            yield Place(level.path, key, fields(level.model)[key][1], key not in level.block)
            return


def inner_places(key: str, level: Level) -> Iterator[Place]:
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
            yield Place(key_path(level.path, name), key, fields(inner)[key][1], present)


def of_machine(key: str, levels: Sequence[Level], *, stated: bool = False) -> Iterator[Place]:
    """Yield the sections of the spec whose every key is optional, and which know this one; or those that state it."""
    if len(levels) < (1 if stated else 2) or key in fields(levels[0].model):
        return
    root = levels[0]
    for section, (_, item) in fields(root.model).items():
        block = root.block.get(section)
        is_stated = isinstance(block, dict) and block.get(key) is not None
        if item.model is None or item.slot or not _optional(item.model) or is_stated is not stated:
            continue
        if key in fields(item.model):
            yield Place(section, key, fields(item.model)[key][1], present=True)


def _model_of(option: TypeSpec, block: Any) -> type[BaseModel] | None:
    if option.slot is None or block is None:
        return option.model
    named = block if isinstance(block, str) else block.get("type") if isinstance(block, dict) else None
    return find(option.slot, named) if isinstance(named, str) and option.model is not None else None
