"""The passes of the compiler hand on frozen stages: each takes what the one before returns, and changes nothing of it."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest

from declare.compiler import graph_types, stages
from declare.compiler.pipeline import PASSES

ROOT = Path(stages.__file__).parent
STAGES = [cls for _, cls in inspect.getmembers(stages, inspect.isclass) if cls.__module__ == stages.__name__]
NAMES = {cls.__name__ for cls in STAGES} | {"SpecView", "View", "Wiring"}
CHANGES = frozenset(
    ["add", "append", "clear", "discard", "extend", "insert", "pop", "remove", "setdefault", "update"]
)


@pytest.mark.parametrize("cls", [*STAGES, graph_types.GraphNode, graph_types.Wiring])
def test_stages_are_frozen(cls: type) -> None:
    """A stage and the graph in it are frozen dataclasses."""
    assert dataclasses.is_dataclass(cls)
    assert cls.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_each_pass_takes_what_the_one_before_returns() -> None:
    """The signatures of the passes fit together, and the table of passes says what each gives."""
    before: type = stages.SpecSource
    for item in PASSES:
        hints = typing.get_type_hints(importlib.import_module(f"declare.compiler.passes.{item.name}").run)
        assert issubclass(before, hints["stage"]), item.name
        assert typing.get_args(hints["return"])[2] is item.stage, item.name
        before = item.stage


def root_name(node: ast.AST) -> str:
    """Return the name of `stage` in `stage.nodes[path].x` and `self.stage.nodes`; of other things nothing."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        if isinstance(node.value, ast.Name) and node.value.id == "self" and isinstance(node, ast.Attribute):
            return node.attr
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def stage_names(function: ast.FunctionDef | ast.ClassDef) -> set[str]:
    """Return the parameters of a function, or the fields of a class, that are stages."""
    if isinstance(function, ast.ClassDef):
        fields = [(item.target, item.annotation) for item in function.body if isinstance(item, ast.AnnAssign)]
        return {root_name(target) for target, kind in fields if ast.unparse(kind) in NAMES}
    parameters = [*function.args.args, *function.args.kwonlyargs]
    return {item.arg for item in parameters if item.annotation and ast.unparse(item.annotation) in NAMES}


def changes(root: Path) -> Iterator[str]:
    """Yield where a stage is changed, or its type is only asserted."""
    for path in sorted(root.rglob("*.py")):
        for part in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = stage_names(part) if isinstance(part, ast.FunctionDef | ast.ClassDef) else set()
            for node in ast.walk(part) if names else ():
                targets: list[ast.AST] = []
                if isinstance(node, ast.Assign | ast.Delete):
                    targets = [item for item in node.targets if not isinstance(item, ast.Name)]
                elif isinstance(node, ast.AugAssign) and not isinstance(node.target, ast.Name):
                    targets = [node.target]
                elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                    targets = [node.func.value] if node.func.attr in CHANGES else []
                elif isinstance(node, ast.Assert):
                    targets = [item for item in ast.walk(node.test) if isinstance(item, ast.Attribute)]
                if any(root_name(target) in names for target in targets):
                    yield f"{path.relative_to(root)}:{node.lineno}"


def test_no_pass_changes_a_stage() -> None:
    """Nothing in the compiler assigns to a stage or to what it holds, nor asserts that a part of it is there."""
    assert list(changes(ROOT)) == []


def test_a_change_is_seen(tmp_path: Path) -> None:
    """The check sees assignments, calls that change, and assertions, of parameters and of fields."""
    (tmp_path / "a.py").write_text(
        "def run(stage: ReadSpec, nodes):\n    stage.nodes['a'] = 1\n    stage.spec = 2\n    stage.nodes.update({})\n"
        "    assert stage.hardware is not None\n    nodes['a'] = stage.nodes['a']\n    stage = run(stage)\n"
        "class Shaper:\n    stage: WiredSpec\n    def run(self):\n        self.stage.shapes |= {}\n        self.known = {}\n"
    )
    assert set(changes(tmp_path)) == {f"a.py:{line}" for line in (2, 3, 4, 5, 11)}
