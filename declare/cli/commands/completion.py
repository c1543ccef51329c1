"""Print a completion script for bash, zsh or fish."""

from typing import Annotated, Literal

import typer

from declare.cli import command_index, signature, terminal
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
    terminal.emit(write([_command_words(name) for name in command_index.names()]))


def _command_words(name: str) -> Words:
    words = signature.parameter_words(name)
    flags = tuple(flag for word in words for flag in word.flags)
    choices = tuple((flag, word.choices) for word in words if word.choices for flag in word.flags)
    arguments = [word for word in words if not word.flags]
    values = tuple(value for word in arguments for value in word.choices or _arguments(name, word.name))
    return Words(name, command_index.summary(name), flags, choices, values)


def _arguments(command: str, argument: str) -> tuple[str, ...]:
    from declare.parsing import lookup

    if (command, argument) == ("list", "kind"):
        return lookup.kinds()
    if (command, argument) == ("describe", "component"):
        return tuple(dict.fromkeys(name for kind in lookup.kinds() for name in lookup.own_names(kind)))
    return ()
