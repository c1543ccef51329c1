"""Operations on syntax trees: which names they read and store, and names replaced by expressions."""

import ast
from collections.abc import Iterable, Mapping
from typing import Any

LITERALS = (int, float, str, bool, type(None))


def is_literal(value: Any) -> bool:
    """Return whether `repr` of a value is its code: numbers, strings, None, tuples and lists of them."""
    return isinstance(value, LITERALS) or (isinstance(value, (tuple, list)) and all(map(is_literal, value)))


def literal(value: Any) -> ast.expr:
    """Return the expression of a value that `repr` writes."""
    return ast.parse(repr(value), mode="eval").body


def copy_expression(node: ast.expr) -> ast.expr:
    """Return a copy of an expression."""
    return ast.parse(ast.unparse(node), mode="eval").body


def copy_function(node: ast.FunctionDef) -> ast.FunctionDef:
    """Return a copy of a definition."""
    tree = ast.parse(ast.unparse(node)).body[0]
    assert isinstance(tree, ast.FunctionDef)
    return tree


def evaluate(node: ast.expr) -> Any:
    """Return the value of an expression of literals."""
    return eval(compile(ast.fix_missing_locations(ast.Expression(node)), "", "eval"), {})  # noqa: S307


def names_in(trees: Iterable[ast.AST]) -> list[ast.Name]:
    """Return every name in some code."""
    return [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)]


def stored_names(trees: Iterable[ast.AST]) -> set[str]:
    """Return the names that code gives to values."""
    return {node.id for node in names_in(trees) if isinstance(node.ctx, ast.Store)}


def mentioned_names(trees: Iterable[ast.AST]) -> set[str]:
    """Return the names that code mentions."""
    return {node.id for node in names_in(trees)}


def rename(node: ast.expr, old: str, new: str) -> ast.expr:
    """Rename a variable in an expression, in place."""
    for item in names_in([node]):
        if item.id == old:
            item.id = new
    return node


class Substitute(ast.NodeTransformer):
    """Puts expressions in the place of names that are read."""

    def __init__(self, values: Mapping[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Replace a name."""
        return self.values.get(node.id, node) if isinstance(node.ctx, ast.Load) else node


def match_targets(target: ast.expr, value: ast.expr) -> dict[str, ast.expr] | None:
    """Return what the names of a loop's target stand for in one round, None if that is unknown."""
    if isinstance(target, ast.Name):
        return {target.id: value}
    if not isinstance(target, ast.Tuple) or not isinstance(value, ast.Tuple):
        return None
    if len(target.elts) != len(value.elts):
        return None
    values: dict[str, ast.expr] = {}
    for item, part in zip(target.elts, value.elts, strict=True):
        inner = match_targets(item, part)
        if inner is None:
            return None
        values |= inner
    return values
