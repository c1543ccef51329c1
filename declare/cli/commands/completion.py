"""Print a completion script for bash, zsh or fish."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from declare.cli import catalog, terminal
from declare.cli.shells import completion
from declare.cli.shells.completion import Words


def command(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="The shell.", show_default=False)],
) -> None:
    """Print a completion script for bash, zsh or fish.

    bash: `dcl completion bash > ~/.local/share/bash-completion/completions/dcl`;
    zsh: `dcl completion zsh > DIR/_dcl` with DIR in $fpath;
    fish: `dcl completion fish > ~/.config/fish/completions/dcl.fish`.
    """
    write = {"bash": completion.bash, "zsh": completion.zsh, "fish": completion.fish}[shell]
    terminal.emit(write([_words(name) for name in catalog.names()]))


def _words(name: str) -> Words:
    from declare.cli.dispatch import parser

    flags: list[str] = []
    choices: list[tuple[str, tuple[str, ...]]] = []
    words: tuple[str, ...] = ()
    for item in parser(name).params:
        options = tuple(getattr(item.type, "choices", ()))
        if item.param_type_name == "option":
            flags += item.opts
            choices += [(flag, options) for flag in item.opts if options]
        else:
            words = options or _arguments(name, item.name or "")
    return Words(name, catalog.summary(name), (*flags, "--help"), tuple(choices), words)


def _arguments(command: str, argument: str) -> tuple[str, ...]:
    from declare.contract import lookup

    if (command, argument) == ("list", "kind"):
        return lookup.kinds()
    if (command, argument) == ("describe", "component"):
        return tuple(dict.fromkeys(name for kind in lookup.kinds() for name in lookup.own_names(kind)))
    return ()
