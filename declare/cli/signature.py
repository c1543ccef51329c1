"""What a command takes, read from its function: for completion scripts and the record of public flags."""

import inspect
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from declare.cli import command_index


@dataclass(frozen=True)
class Word:
    """An option with its flags, or an argument (no flags), and the values it is limited to."""

    name: str
    flags: tuple[str, ...]
    choices: tuple[str, ...]


def parameter_words(command: str) -> list[Word]:
    """Return arguments and options of a command, those that every command has at the end."""
    parameters = inspect.signature(command_index.function(command), eval_str=True).parameters.values()
    shared = (("--quiet", "-q"), ("--no-color",), ("--help", "-h"))
    return [_word(item) for item in parameters] + [Word(flags[0].strip("-"), flags, ()) for flags in shared]


def _word(item: inspect.Parameter) -> Word:
    from typer.models import OptionInfo

    annotation, *metadata = get_args(item.annotation)
    flags: tuple[str, ...] = ()
    for info in metadata:
        if isinstance(info, OptionInfo):
            # Inside of `Annotated` typer takes the first flag for a default; both places hold flags.
            stated = (info.default, *(info.param_decls or ()))
            flags = tuple(word for word in stated if isinstance(word, str) and word.startswith("-"))
            flags = flags or (f"--{item.name.replace('_', '-')}",)
    return Word(item.name, flags, tuple(_choices(annotation)))


def _choices(annotation: Any) -> Iterator[str]:
    """Yield the values of a `Literal`, also inside of a union."""
    if get_origin(annotation) is Literal:
        yield from map(str, get_args(annotation))
    if get_origin(annotation) in {Union, types.UnionType}:
        for inner in get_args(annotation):
            yield from _choices(inner)
