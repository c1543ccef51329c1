"""An absolute path in a spec exists only on its author's machine."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

from declare.contract.problem import Problem, Rewrite
from declare.language.document import Node
from declare.parsing.phrases import name, short
from declare.rules.spec_parts import get
from declare.rules.spec_view import View

CODE = "STY901"
STAGE = "lint"

_PREFIXES = ("run:", "file:")


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for absolute paths in a spec file."""
    for path, node in view.document.walk():
        stated = node.scalar
        if not isinstance(stated, str) or not _is_written(node):
            continue
        text = next((stated.removeprefix(word) for word in _PREFIXES if stated.startswith(word)), stated)
        if _is_absolute(text) and (text != stated or isinstance(get(view.spec, *_keys(path)), Path)):
            yield _problem(path, node, text, stated[: len(stated) - len(text)])


def _is_written(node: Node) -> bool:
    """Return whether a value is in a file as it is: `--set` and the environment belong to one machine anyway."""
    return node.origin in {"written", "extends"} and node.defined is None and "${" not in node.span.text


def _is_absolute(text: str) -> bool:
    return PurePosixPath(text).is_absolute() or bool(PureWindowsPath(text).drive)


def _keys(path: str) -> list[str | int]:
    """Return the keys of a dotted path, items of lists by number."""
    return [int(key) if key.isdecimal() else key for key in path.split(".")]


def _problem(path: str, node: Node, text: str, prefix: str) -> Problem:
    base = node.base.absolute()
    inside = Path(text).is_relative_to(base) and Path(text) != base
    relative = prefix + Path(text).relative_to(base).as_posix() if inside else ""
    help_text = (
        f"write it relative to the spec's folder: `{relative}`"
        if inside
        else (
            "take the folder from the environment: `${env:DATA}/...`, or write the path relative "
            "to the spec's folder"
        )
    )
    return Problem(
        CODE,
        f"`{name(path)}` is an absolute path on this machine: `{short(text, 40)}`",
        at=path,
        label="starts at the root",
        helps=(help_text,),
        rewrites=(Rewrite(f"write `{relative}`", path, relative),) if inside else (),
    )
