"""Writing plain values as YAML 1.2 text that this language reads back as the same values."""

import math
import re
from collections.abc import Iterator
from typing import Any

from declare.contract import strict_json

_PLAIN = re.compile(
    r"[A-Za-z_/.][A-Za-z0-9_/.@+-]*(?: [A-Za-z0-9_/.@+-]+)*|\d+(?:\.\d+)?(?:%| epochs| steps)"
)
_TAKEN = re.compile(
    r"(?:true|false|null|none|yes|no|on|off|y|n|~|nan|inf|\.nan|\.inf|\.[0-9]+(?:e[+-]?[0-9]+)?)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CONSTANTS = {"true", "false", "null"}
_WIDTH = 100


class RawYaml(str):
    """Text that is YAML already, to be put down as it is."""

    __slots__ = ()


def flow(value: Any) -> str:
    """Return `value` on one line: `{type: adamw, lr: 0.001}`."""
    if isinstance(value, RawYaml):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(str(key))}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """Return one scalar; text in quotes if it would be read as something else."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number(value)
    return str(value) if isinstance(value, int) else _text(str(value))


def _number(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    return repr(value)


def _text(value: str) -> str:
    if _PLAIN.fullmatch(value) and not _TAKEN.fullmatch(value):
        return value
    return strict_json.dumps(value, ensure_ascii=True)


def _key(value: str) -> str:
    """Return a key; words such as `on` are text there for everyone."""
    return value if _WORD.fullmatch(value) and value.lower() not in _CONSTANTS else _text(value)


def block(value: dict[str, Any]) -> str:
    """Return a whole document: maps in block style, what fits on a line in flow style."""
    return "".join(f"{line}\n" for line in _map(value, 0))


def _map(value: dict[str, Any], indent: int) -> Iterator[str]:
    pad = " " * indent
    for key, item in value.items():
        name = f"{pad}{_key(str(key))}:"
        yield from _entry(name, item, indent, deep=indent == 0)


def _entry(name: str, item: Any, indent: int, *, deep: bool) -> Iterator[str]:
    """Write what follows a key or a dash; `deep` keeps maps of maps in block style."""
    nested = isinstance(item, dict) and any(isinstance(inner, dict) for inner in item.values())
    line = f"{name} {flow(item)}"
    if not item or not isinstance(item, dict | list) or (len(line) <= _WIDTH and not (deep and nested)):
        yield line
    elif isinstance(item, dict):
        yield name
        yield from _map(item, indent + 2)
    else:
        yield name
        for part in item:
            yield from _item(part, indent + 2)


def _item(part: Any, indent: int) -> Iterator[str]:
    """Write a list item; a map that is too long starts on the line of its dash."""
    pad = " " * indent
    line = f"{pad}- {flow(part)}"
    if len(line) <= _WIDTH or not isinstance(part, dict):
        yield line
        return
    lines = list(_map(part, indent + 2))
    yield f"{pad}- {lines[0].lstrip()}"
    yield from lines[1:]
