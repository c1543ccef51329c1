"""Values of parameters, worked out from their annotations: ordinary ones, and those at the edge of what is allowed."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic.fields import FieldInfo

from declare.contract.duration import Duration
from declare.parsing.annotation import TypeSpec, fields, kind_of
from declare.parsing.lookup import find, names, names_of_libraries, own_names

Pool = Mapping[str, Sequence[str]]
"""Names that a text may mean, by the word for them: `field`, `module`, `task`, `dataset`, `metric`, `pattern`."""
NOTHING = object()
"""A parameter that is left out."""
_WORDS = {
    "pattern": r"\bglob\b|\bpattern\b|\bmatch\b",
    "metric": r"\bmetric\b",
    "task": r"\btasks?\b",
    "dataset": r"\bdatasets?\b",
    "module": r"\bmodules?\b",
    "field": r"\bfields?\b",
}
_SMALL = 9
"""Whole numbers are mostly below: samples are few and images small."""


def means(key: str, description: str, pool: Pool) -> list[str]:
    """Return the names that a text called `key` may be: its key says so first, then its description."""
    for text in (key, description):
        for word, expression in _WORDS.items():
            if pool.get(word) and re.search(expression, text):
                return list(pool[word])
    return []


class Ordinary:
    """Draws values as a user may write them; `pool` holds the names in the spec by now."""

    def __init__(
        self, draw: random.Random, pool: Pool, examples: Callable[[str, str], dict[str, Any]]
    ) -> None:
        self.draw, self.pool, self.examples = draw, pool, examples
        self.forced: dict[str, str] = {}
        self.folders: Sequence[Path] = ()
        self.depth = 0

    def value(self, key: str, item: TypeSpec, shown: Any = NOTHING) -> Any:
        """Return a value of a parameter, or NOTHING; `shown` is the one on its page."""
        options = [option for option in item.options if not option.nullable]
        option = self.draw.choice(options or list(item.options))
        if option.slot and option.origin is None:
            return self.component(option.slot)
        if option.origin is list:
            return self._list(key, option)
        if option.origin is dict:
            return self._map(key, option)
        if option.model is not None:
            return self.block(option.model)
        return self._leaf(key, option, shown)

    def _list(self, key: str, item: TypeSpec) -> Any:
        inner = item.arguments[0]._replace(description=item.description)
        low = item.bounds.get("min_length", 1)
        high = min(item.bounds.get("max_length", low + 2), low + 2)
        found = [self.value(key, inner) for _ in range(self.draw.randint(low, high))]
        if any(part is NOTHING for part in found):
            return NOTHING
        return list(dict.fromkeys(found)) if all(isinstance(part, str) for part in found) else found

    def _map(self, key: str, item: TypeSpec) -> Any:
        known = means(key, item.description, self.pool)
        if not known:
            return NOTHING
        inner = item.arguments[1]._replace(description="")
        chosen = self.draw.sample(known, self.draw.randint(1, len(known)))
        found = {name: self.value("", inner) for name in chosen}
        return NOTHING if any(part is NOTHING for part in found.values()) else found

    def _leaf(self, key: str, item: TypeSpec, shown: Any) -> Any:
        if item.origin is Literal:
            return self.draw.choice(get_args(item.annotation))
        if item.annotation is bool:
            return self.draw.random() < 0.5
        if item.annotation is int:
            return self._int(item, shown)
        if item.annotation is float:
            return self._float(item, shown)
        if item.annotation is Duration:
            return self.draw.choice(["1 steps", "2 steps", "1 epochs", "50%", "100%"])
        if item.annotation is Path and shown is not NOTHING:
            there = [folder / Path(str(shown)).name for folder in self.folders]
            return next((str(path) for path in there if path.exists()), NOTHING)
        if item.annotation is str:
            known = means(key, item.description, self.pool)
            elsewhere = key == "field" and "." in str(shown)  # of another run
            if known and not elsewhere:
                return self.draw.choice(known)
        return shown

    def _int(self, item: TypeSpec, shown: Any) -> int:
        low, high = lowest(item), highest(item)
        if kind_of(shown) == "int" and shown <= 4 * _SMALL and self.draw.random() < 0.3:
            return int(shown)
        return self.draw.randint(int(low), int(max(low, min(high, low + _SMALL))))

    def _float(self, item: TypeSpec, shown: Any) -> float:
        low, high = lowest(item), highest(item)
        if kind_of(shown) in {"int", "float"} and self.draw.random() < 0.4:
            return float(shown)
        if high < 100:
            return round(self.draw.uniform(low + 0.01, high - 0.01), 3)
        return low + self.draw.choice([0.001, 0.01, 0.1, 0.5, 1.0, 2.0])

    def component(self, kind: str, name: str | None = None, *, bare: float = 0.3) -> Any:
        """Return a block of a component, `name` or one that is drawn."""
        name = name or self.forced.get(kind) or self.draw.choice(self.names(kind))
        found = find(kind, name)
        assert found is not None, (kind, name)
        base = {} if self.draw.random() < bare else self.examples(kind, name)
        self.depth += 1
        chosen = self.block(found, base)
        self.depth -= 1
        return {"type": name} | chosen

    def names(self, kind: str) -> list[str]:
        """Return the names that a block of a kind is drawn from: those that run nobody's code."""
        libraries = names_of_libraries(kind)
        use = libraries and self.draw.random() < 0.3
        known = libraries if use else own_names(kind)
        return [name for name in known if (cls := find(kind, name)) is not None and not cls.trusted_only]

    def block(
        self, model: type[Any], base: Mapping[str, Any] = {}, share: float | None = None
    ) -> dict[str, Any]:
        """Return a block of a strict model: what it must say, and some of what it may."""
        share = share if share is not None else (0.25 if self.depth < 3 else 0.05)
        found = {}
        for key, (info, item) in fields(model).items():
            if key in base and self.draw.random() > share and not means(key, item.description, self.pool):
                found[key] = base[key]
            elif info.is_required() or key in base or self.draw.random() < share:
                made = self.value(key, item, base.get(key, default(info)))
                if made is not NOTHING and made is not None:
                    found[key] = made
        return found


def default(info: FieldInfo) -> Any:
    """Return the default of a parameter, NOTHING where it must be stated."""
    return NOTHING if info.is_required() else info.get_default(call_default_factory=True)


def lowest(item: TypeSpec) -> float:
    """Return the lowest number that a form allows."""
    bounds = item.bounds
    step = 1 if item.annotation is int else 0.0
    return float(bounds["ge"] if "ge" in bounds else bounds["gt"] + step if "gt" in bounds else 0)


def highest(item: TypeSpec) -> float:
    """Return the highest number that a form allows."""
    bounds = item.bounds
    step = 1 if item.annotation is int else 0.0
    return float(bounds["le"] if "le" in bounds else bounds["lt"] - step if "lt" in bounds else 2**40)


def literals(model: type[Any] | None, key: str) -> tuple[Any, ...]:
    """Return the words that a parameter chooses from, or none."""
    item = fields(model)[key][1] if model is not None and key in fields(model) else None
    return (
        ()
        if item is None
        else tuple(
            word
            for option in item.options
            if option.origin is Literal
            for word in get_args(option.annotation)
        )
    )


_HUGE = {
    int: [3, 7, 10**6, 2**31, 2**63, -(2**63)],
    float: [0.5, 1e-300, 1e-12, 1e6, 1e30, 1e308, -1e308, float("inf"), float("nan")],
}
_STRANGE: list[Any] = [
    None,
    [],
    {},
    "",
    "x",
    True,
    0,
    1,
    -1,
    1.5,
    [None],
    [[]],
    {"x": 1},
    "0",
    "a" * 300,
    "\u00e9/\\ '",
]
"""Values that fit few parameters, each of another kind."""
_TEXTS = ("", "*", "[", "(", "nothing_of_this_name", "a" * 300, "\u00e9 \U0001f600", ".")
_DURATIONS = (
    "0 steps",
    "1 steps",
    "0%",
    "0.01%",
    "100%",
    "101%",
    "1e3 epochs",
    "0.001 epochs",
    "1000000 steps",
)


def edges(item: TypeSpec, *, strange: bool = True, known: Sequence[str] = ()) -> list[Any]:
    """Return values at, just inside and just outside of what a parameter allows, and some of a wrong kind.

    `known` are names in the spec that a text may mean.
    """
    found: list[Any] = []
    for option in item.options:
        found += list(_edges(option, known))
    if item.nullable:
        found.append(None)
    return _distinct([*found, *(_STRANGE if strange else ())])


def _edges(item: TypeSpec, known: Sequence[str]) -> Iterator[Any]:
    if item.annotation in {int, float}:
        yield from _numbers(item)
    elif item.annotation is bool:
        yield from (True, False)
    elif item.origin is Literal:
        yield from (*get_args(item.annotation), "nothing_of_this_name")
    elif item.annotation is Duration:
        yield from _DURATIONS
    elif item.slot and item.origin is None:
        yield from names(item.slot)[:40]
    elif item.origin is list and item.arguments:
        yield from _lists(item, known)
    elif item.origin is dict:
        inner = edges(item.arguments[1], strange=False, known=known)
        yield {}
        yield from ({name: value} for name in ("x", "a.b", "", *known[:3]) for value in inner[:4])
    elif item.annotation is Path:
        yield from (".", "/dev/null", "missing/file", "/")
    elif item.annotation is str:
        yield from (*_TEXTS, *known)
    elif item.model is not None:
        yield from _blocks(item.model, known)
    elif item.annotation is Any:
        yield from _STRANGE


def _lists(item: TypeSpec, known: Sequence[str]) -> Iterator[Any]:
    inner = edges(item.arguments[0], strange=False, known=known)
    yield []
    yield from ([value] for value in inner[:14])
    yield from ([value] * 2 for value in inner[:6])
    yield from ([value] * 40 for value in inner[:3])
    yield from (inner[start : start + size] for size in (2, 3, 4) for start in (0, len(inner) - size))


def _blocks(model: type[Any], known: Sequence[str]) -> Iterator[Any]:
    """Yield blocks with one key at an edge, beside plain values of what must be said."""
    plain = {
        key: next(iter(edges(item, strange=False, known=known)), None)
        for key, (info, item) in fields(model).items()
        if info.is_required()
    }
    yield plain
    for key, (_, item) in fields(model).items():
        for value in edges(item, strange=False, known=known)[:12]:
            yield plain | {key: value}


def _numbers(item: TypeSpec) -> Iterator[Any]:
    cast = item.annotation
    near = 1 if cast is int else 1e-6
    for name in ("ge", "gt", "le", "lt"):
        if (bound := item.bounds.get(name)) is not None:
            yield from (cast(bound), cast(bound + near), cast(bound - near))
    yield from (cast(0), cast(1), cast(2), cast(-1), *_HUGE[cast])


def _distinct(values: Sequence[Any]) -> list[Any]:
    seen: dict[str, Any] = {}
    for value in values:
        seen.setdefault(f"{type(value).__name__}{value!r}", value)
    return list(seen.values())
