"""Sizes: files, functions and parameter lists that a reader can hold in mind."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2] / "declare"
FILES = sorted(ROOT.rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions() -> Iterator[tuple[Path, Function]]:
    """Yield every function of the package."""
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                yield path, node


def named(path: Path, node: Function) -> str:
    """Say where a function stands."""
    return f"{path.relative_to(ROOT.parent)}:{node.lineno} {node.name}"


def body_lines(node: Function) -> int:
    """Return the lines of a function's body, its docstring left out."""
    first = node.body[0]
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        rest = node.body[1:]
        return 0 if not rest else (node.end_lineno or 0) - rest[0].lineno + 1
    return (node.end_lineno or 0) - first.lineno + 1


def test_files_are_at_most_400_lines() -> None:
    """No file is longer than 400 lines, and half of them are at most 150."""
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert not [f"{path}: {length}" for path, length in lengths.items() if length > 400]
    assert sorted(lengths.values())[len(lengths) // 2] <= 150


def test_function_bodies_are_at_most_50_lines() -> None:
    """No body is longer than 50 lines, and nine in ten are at most 25."""
    lengths = {named(path, node): body_lines(node) for path, node in functions()}
    assert not [f"{name}: {length}" for name, length in lengths.items() if length > 50]
    assert sorted(lengths.values())[int(len(lengths) * 0.9)] <= 25


def test_functions_take_at_most_six_parameters() -> None:
    """Six parameters at most; more where each is a key of the spec or a flag: commands, modules, simulated data."""
    many = []
    for path, node in functions():
        arguments = node.args
        count = len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs)
        own = count - (bool(arguments.args) and arguments.args[0].arg in {"self", "cls"})
        room = path.relative_to(ROOT).parts[0]
        free = (room == "cli" and node.name == "command") or (room == "nn" and node.name == "__init__")
        free |= path.parent.name == "_simulated"
        if own > 6 and not free:
            many.append(f"{named(path, node)}: {own}")
    # The one function whose keywords mirror the fields of a dataclass.
    assert [item for item in many if "diagnostics/codes.py" not in item] == []


def test_inits_hold_only_a_docstring() -> None:
    """`__init__.py` of a room holds its docstring; the package's own exports the Python interface lazily."""
    for path in FILES:
        if path.name == "__init__.py" and path.parent != ROOT:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            assert len(tree.body) == 1, path
            assert ast.get_docstring(tree), path


def test_no_heaps() -> None:
    """No module is called for nothing in particular."""
    assert not [
        path
        for path in FILES
        if path.stem in {"utils", "util", "helpers", "helper", "common", "base", "misc"}
    ]


def test_code_is_ascii() -> None:
    """Code and its comments are ASCII."""
    assert not [path for path in FILES if not path.read_text(encoding="utf-8").isascii()]
