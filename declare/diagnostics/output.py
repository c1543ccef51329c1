"""Writing findings: the folder `render` is the registry of formats, a file's name is the format's."""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import cast

from declare.diagnostics.diagnostic import Diagnostic, Span

_FOLDER = Path(__file__).with_name("render")
_DELETE = "\x7f"
_UNSEEN = re.compile(r"[^\n\t\x20-\x7e]")
_BEYOND_ASCII = re.compile(r"[\x7f-\U0010ffff]")


@dataclass(frozen=True)
class Settings:
    """What a format may need besides the diagnostics.

    `passes` are the records of the compiler's passes, for machine-readable formats; `width` is in terminal
    cells; after `cap` findings the text format only counts.
    """

    version: str = ""
    passes: Sequence[Mapping[str, object]] = ()
    colour: bool = False
    width: int = 100
    cap: int = 50


@dataclass(frozen=True)
class Region:
    """A span as files and editors count: 1-based lines and columns in code points, the end exclusive."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


def formats() -> list[str]:
    """Return the names of all formats."""
    return sorted(file.stem for file in _FOLDER.glob("*.py") if not file.stem.startswith("_"))


@cache
def _load(name: str) -> object:
    return import_module(f"declare.diagnostics.render.{name}")


def render(name: str, diagnostics: Sequence[Diagnostic], settings: Settings | None = None) -> str:
    """Return the findings in the format `name`.

    Raises:
        LookupError: There is no such format.
    """
    if name not in formats():
        raise LookupError(f"no format {name!r}; there are {', '.join(formats())}")
    return cast(str, _load(name).render(diagnostics, settings or Settings()))  # type: ignore[attr-defined]


def region(span: Span) -> Region:
    """Return file, lines and columns of a span."""
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return Region(span.source.name, line, column, end_line, end_column)


def counts(diagnostics: Sequence[Diagnostic]) -> dict[str, int]:
    """Return how many findings there are of each severity."""
    numbers = {"error": 0, "warning": 0, "info": 0}
    for diagnostic in diagnostics:
        numbers[diagnostic.severity] += 1
    return numbers


def printable(text: str) -> str:
    """Return text with control and format characters as escapes, so that no terminal obeys them."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(escape(char) for char in text)


def printable_lines(text: str) -> str:
    """Return text of several lines as a terminal may get it."""
    return text if text.isprintable() else "\n".join(map(printable, text.split("\n")))


def visible(text: str) -> str:
    """Return text of a result, with its line ends and tabs, as a terminal may get it."""
    return (
        text if text.isascii() and text.isprintable() else _UNSEEN.sub(lambda match: escape(match[0]), text)
    )


def visible_json(text: str) -> str:
    """Return JSON with control and format characters as its own escapes, so that it means the same."""
    if text.isascii() and _DELETE not in text:
        return text
    return _BEYOND_ASCII.sub(lambda match: _json_escape(match[0]), text)


def _json_escape(char: str) -> str:
    if escape(char) == char:
        return char
    return "\\u007f" if char == _DELETE else json.dumps(char, allow_nan=False)[1:-1]


def escape(char: str) -> str:
    """Return a character as it is printed: itself, a space for a tab, or its escape."""
    if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return char
    if char == "\t":
        return " "
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
