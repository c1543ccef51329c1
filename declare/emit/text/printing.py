"""Turns syntax trees into text as a formatter would leave it."""

import ast
import subprocess
import sys

from declare.contract.code import NotWrittenError

WIDTH = 110
"""Characters of a line."""


def unparse(tree: ast.AST) -> str:
    """Return source text; a tuple that is a whole value has no parentheses."""
    copy = ast.parse(ast.unparse(ast.fix_missing_locations(tree)))
    tuples = _Tuples()
    text = ast.unparse(ast.fix_missing_locations(tuples.visit(copy)))
    for name, tuple_text in tuples.texts.items():
        text = text.replace(name, tuple_text)
    return text


def format_code(text: str) -> str:
    """Return a file's text formatted, its imports sorted."""
    first_party = 'lint.isort.known-first-party=["data", "losses", "model"]'
    common = ["--quiet", "--isolated", "--config", f"line-length={WIDTH}", "--config", first_party]
    for arguments in (["check", "--select", "I,F401", "--fix"], ["format"]):
        command = [sys.executable, "-m", "ruff", *arguments, *common, "--stdin-filename", "code.py", "-"]
        result = subprocess.run(command, input=text, capture_output=True, text=True, check=False)  # noqa: S603
        if not result.stdout:
            raise ValueError(f"{result.stderr}\n{text}")
        text = result.stdout
    _require_names(text)
    return text


def _require_names(text: str) -> None:
    """Raise `NotWrittenError` if code reads a name that nothing gives it: something of ours was left in it."""
    arguments = ["check", "--isolated", "--quiet", "--select", "F821,F811", "--output-format", "concise", "-"]
    command = [sys.executable, "-m", "ruff", *arguments]
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=False)  # noqa: S603
    if result.returncode:
        raise NotWrittenError(f"something that this spec uses ({result.stdout.strip().splitlines()[0]})")


class _Tuples(ast.NodeTransformer):
    """Puts names in the place of tuples that are a whole value."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        """Name -> text of the tuple without parentheses."""

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        """Name the tuple that is assigned."""
        node.value = self._name(node.value)
        return node

    def visit_Return(self, node: ast.Return) -> ast.Return:
        """Name the tuple that is returned."""
        node.value = None if node.value is None else self._name(node.value)
        return node

    def _name(self, node: ast.expr) -> ast.expr:
        if not isinstance(node, ast.Tuple) or len(node.elts) < 2:
            return node
        name = f"_bare{len(self.texts)}_"
        self.texts[name] = ", ".join(ast.unparse(item) for item in node.elts)
        return ast.Name(name, ast.Load())
