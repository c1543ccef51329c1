"""Print a snippet for bash or zsh that lets typed `declare ...` lines reach this program."""

from typing import Annotated, Literal

import typer

from declare.cli import command_index, terminal
from declare.cli.shells.snippets import snippet


def command(
    shell: Annotated[Literal["bash", "zsh"], typer.Argument(help="The shell.", show_default=False)],
) -> None:
    """Print a snippet for bash or zsh that lets typed `declare ...` lines reach this program.

    Both shells have a builtin called `declare`, so a typed `declare train spec.yaml` silently does nothing.
    `dcl` always works. To type `declare` as well, add `eval "$(dcl shell bash)"` to ~/.bashrc (or `eval
    "$(dcl shell zsh)"` to ~/.zshrc). Functions and scripts keep the builtin.
    """
    terminal.emit(snippet(shell, command_index.names()).rstrip("\n"))
