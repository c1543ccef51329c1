"""Where output goes: results to standard output, everything else to standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TextIO

from declare.contract import strict_json
from declare.diagnostics.output import printable_lines, visible, visible_json

if TYPE_CHECKING:
    from rich.console import Console


@dataclass
class Settings:
    """Output settings of every command: verbosity and colour."""

    quiet: bool = False
    color: bool = True


settings = Settings()


def configure(*, quiet: bool, no_color: bool) -> None:
    """Apply `--quiet` and `--no-color`; `NO_COLOR` counts as the latter (https://no-color.org)."""
    settings.quiet = quiet
    settings.color = not (no_color or os.environ.get("NO_COLOR"))
    if no_color:
        os.environ["NO_COLOR"] = "1"  # child processes and libraries obey it too
    _console.cache_clear()


def argv() -> list[str]:
    """Return the settings as words of a command line."""
    return [*(["--quiet"] if settings.quiet else []), *([] if settings.color else ["--no-color"])]


def stdout() -> Console:
    """Return the console of standard output."""
    return _console(sys.stdout)


def err() -> Console:
    """Return the console of standard error."""
    return _console(sys.stderr)


@cache
def _console(stream: TextIO) -> Console:
    from rich.console import Console
    from rich.segment import Segment

    class PipedConsole(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

        def render(self, renderable: Any, options: Any = None) -> Iterable[Segment]:
            """Escape control characters in names and texts of data."""
            for segment in super().render(renderable, options):
                yield segment if segment.control else Segment(printable_lines(segment.text), segment.style)

    width = None if stream.isatty() else 110
    return PipedConsole(file=stream, no_color=not settings.color, highlight=False, markup=False, width=width)


def echo(text: str) -> None:
    """Print a line for people to standard error, unless they asked for quiet."""
    if not settings.quiet:
        print(printable_lines(text), file=sys.stderr)


def emit(text: str) -> None:
    """Print a result to standard output; control characters are escaped, line ends and tabs are kept."""
    print(visible(text))


def emit_json_text(text: str) -> None:
    """Print JSON to standard output; control characters are escaped as JSON does."""
    print(visible_json(text))


def emit_json(value: Any) -> None:
    """Print a result to standard output as JSON; numbers that JSON lacks (NaN) become null."""
    emit_json_text(strict_json.dumps(value, indent=2, ensure_ascii=False))
