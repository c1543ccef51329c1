"""Writes `docs/reference/cli.md`: every command's own help."""

from collections.abc import Iterator
from pathlib import Path

from declare.cli import command_index
from declare.cli.dispatch import PROGRAM, overview, parser
from declare.dev.repository import ROOT


def outputs() -> dict[Path, str]:
    """Return the page."""
    return {ROOT / "docs" / "reference" / "cli.md": "\n".join(_lines())}


def _lines() -> Iterator[str]:
    yield "# The command line\n"
    yield f"```text\n{overview()}\n```\n"
    for name in command_index.names():
        command = parser(name)
        with command.make_context(
            f"{PROGRAM} {name}", [], resilient_parsing=True, terminal_width=110
        ) as context:
            text = command.get_help(context)
        yield f"## {PROGRAM} {name}\n"
        yield f"```text\n{text.strip()}\n```\n"
