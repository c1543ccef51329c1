"""Named composites: arithmetic over metric names, such as `0.3 * val/c1/nrmse + 0.7 * val/c2/nrmse`."""

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:/[A-Za-z_][A-Za-z0-9_@]*)+")
_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


class NotArithmeticError(ValueError):
    """The text is not arithmetic over metric names."""


def names(text: str) -> tuple[str, ...]:
    """Return the metric names in a composite, each once, in order."""
    return tuple(dict.fromkeys(_NAME.findall(text)))


def evaluate(text: str, metrics: Mapping[str, float]) -> float:
    """Return the value of a composite; NaN if a metric is absent or the arithmetic has no finite value.

    Numbers, + - * / ** and parentheses. Raises `NotArithmeticError` for anything else.
    """
    names: list[str] = []

    def stand_in(match: re.Match[str]) -> str:
        names.append(match[0])
        return f"(_{len(names) - 1})"

    try:
        tree = ast.parse(_NAME.sub(stand_in, text), mode="eval")
    except (SyntaxError, ValueError, RecursionError) as error:
        raise NotArithmeticError(text) from error
    values = {f"_{index}": metrics.get(name, math.nan) for index, name in enumerate(names)}
    try:
        value = float(_value(tree.body, values))
    except (ZeroDivisionError, OverflowError, TypeError):
        # A root of a negative number is complex and so has no value either.
        return math.nan
    return value if math.isfinite(value) else math.nan


def is_arithmetic(text: str) -> bool:
    """Return whether a text is a composite, and nothing else that Python would run."""
    try:
        evaluate(text, {})
    except NotArithmeticError:
        return False
    return True


def composites(formulas: Mapping[str, str], metrics: Mapping[str, float]) -> dict[str, float]:
    """Return the composites of which every metric is there."""
    return {
        name: evaluate(text, metrics) for name, text in formulas.items() if set(names(text)) <= set(metrics)
    }


def _value(node: ast.expr, values: Mapping[str, float]) -> float:
    if isinstance(node, ast.Constant) and type(node.value) in {int, float}:
        return float(node.value)  # type: ignore[arg-type]
    if isinstance(node, ast.Name) and node.id in values:
        return values[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _BINARY[type(node.op)](_value(node.left, values), _value(node.right, values))
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        return _UNARY[type(node.op)](_value(node.operand, values))
    raise NotArithmeticError(ast.unparse(node))
