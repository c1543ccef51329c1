"""A composite metric is an arithmetic expression over metric names."""

import ast
import math
from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.ir.composites import evaluate
from declare.rules.queries.metric_names import arithmetic, composite_parts, placeholders
from declare.rules.spec_parts import get
from declare.rules.spec_view import View

CODE = "PHS619"
STAGE = "names"

_LIMIT = 1000


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each composite whose expression is not arithmetic over metrics."""
    tasks = get(view.spec, "tasks") or {}
    for name in get(view.spec, "metrics") or {}:
        text = get(view.spec, "metrics", name)
        if not isinstance(text, str):
            continue
        wrong = _wrong(text, composite_parts(view, name))
        if wrong:
            yield Problem(
                CODE,
                f"composite `{name}` is not arithmetic over metrics: {wrong}",
                at=f"metrics.{name}",
                label="cannot be computed",
                helps=(
                    f"write it like `0.3 * val/{next(iter(tasks), 'task')}/loss + 0.7 * ...`",
                    "use numbers, metric names, `+ - * / **` and parentheses",
                ),
            )


def _wrong(text: str, parts: list[str]) -> str:
    if len(text) > _LIMIT:
        return f"it is longer than {_LIMIT} characters"
    if not parts:
        return "it names no metric"
    expression, names = placeholders(text)
    try:
        tree = ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "it is not complete"
    if not arithmetic(tree):
        return "it contains something else"
    words = sorted({node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - set(names))
    return f"`{words[0]}` is not a metric name" if words else _without_value(tree)


def _without_value(tree: ast.AST) -> str:
    """Return that a composite divides by zero, or which part, of numbers alone, is not finite; empty if none is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and _number(node.right) == 0:
            return "it divides by 0"
        if isinstance(node, ast.expr) and not math.isfinite(_number(node)):
            return "a number in it is not finite"
    return ""


def _number(node: ast.expr) -> float:
    """Return the value of a part; 1 if it contains a metric."""
    has_metric = any(isinstance(part, ast.Name) for part in ast.walk(node))
    return 1.0 if has_metric else evaluate(ast.unparse(node), {})
