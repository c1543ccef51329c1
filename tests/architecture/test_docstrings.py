"""What docstrings must say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

NN = Path(__file__).parents[2] / "declare" / "nn"
SHAPE = re.compile(r"\[[^\]]*\]|\bscalars?\b|\bany shape\b|\bshape of\b|\bsame shape\b|\bone shape\b")
ANY_TENSORS = {"state_tree.py", "precision.py", "running_statistics.py", "dtensor.py", "process_group.py"}
"""Files that move tensors of any shape: weights, states, buffers, between devices and processes."""


def without_shapes(root: Path) -> Iterator[str]:
    """Yield public functions and methods that take or return tensors and whose own docstring has no shape."""
    for path in sorted(root.rglob("*.py")):
        if path.name not in ANY_TENSORS:
            yield from _of(ast.parse(path.read_text(encoding="utf-8")), f"{path.relative_to(root)} ")


def _of(node: ast.AST, name: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.ClassDef) or child.name.startswith("_"):
            continue
        text = ast.get_docstring(child) or ""
        if isinstance(child, ast.ClassDef):
            yield from _of(child, f"{name}{child.name}.")
        else:
            signature = f"{ast.unparse(child.args)} {ast.unparse(child.returns) if child.returns else ''}"
            if re.search(r"\bTensor\b", signature) and not SHAPE.search(text):
                yield name + child.name


def test_docstrings_of_nn_state_shapes() -> None:
    """Every public function and method of `nn` over tensors says itself of what shape they are."""
    assert not list(without_shapes(NN))


def test_a_docstring_without_shapes_is_seen(tmp_path: Path) -> None:
    """The check fails on a function over tensors that says nothing of their shape."""
    (tmp_path / "a.py").write_text('def f(x: Tensor) -> Tensor:\n    """Return it."""\n')
    assert list(without_shapes(tmp_path)) == ["a.py f"]
