"""The commands that exist: the folder is the list, read without importing a command."""

import ast
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

_FOLDER = Path(__file__).parent / "commands"


@cache
def names() -> tuple[str, ...]:
    """Return the names of all commands, in alphabetical order."""
    stems = (path.stem for path in _FOLDER.glob("*.py") if not path.stem.startswith("_"))
    return tuple(sorted(name.replace("_", "-") for name in stems))


def summary(name: str) -> str:
    """Return the first line of the docstring of a command's file."""
    tree = ast.parse((_FOLDER / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").partition("\n")[0]


def function(name: str) -> Callable[..., Any]:
    """Import a command's file, and no other, and return its `command` function."""
    return _module(name).command  # type: ignore[no-any-return]


def prepare_argv(name: str, words: list[str]) -> list[str]:
    """Return the argv that the parser takes; a command's `expand_argv` makes implicit arguments explicit."""
    expand_argv = getattr(_module(name), "expand_argv", list)
    return list(expand_argv(words))


def _module(name: str) -> ModuleType:
    return import_module(f"declare.cli.commands.{name.replace('-', '_')}")
