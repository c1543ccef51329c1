"""Simplifies straight code: names for names go, tuples are split, values without a reader are left out."""

import ast
from collections import Counter

from declare.emit.specialize.syntax_trees import Substitute, names_in

_DRAWING = {"rng", "generator"}
"""What a value without a reader may have drawn from: later draws depend on it."""


def simplify(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return statements simplified until nothing changes."""
    body = _split_tuples(body)
    before = ""
    while before != (text := "\n".join(ast.unparse(ast.fix_missing_locations(item)) for item in body)):
        before = text
        body = _return_values(_drop_dead(_propagate_names(body)))
    return body


def is_inert(body: list[ast.stmt]) -> bool:
    """Return whether statements give nothing and change nothing but local variables."""
    inert = (ast.Assign, ast.If, ast.Pass)
    statements = [item for part in body for item in ast.walk(part) if isinstance(item, ast.stmt)]
    targets = [target for item in statements if isinstance(item, ast.Assign) for target in item.targets]
    return all(isinstance(item, inert) for item in statements) and not any(map(_is_inside, targets))


def _is_inside(target: ast.expr) -> bool:
    """Return whether a target is an entry or attribute of something."""
    return any(isinstance(item, (ast.Attribute, ast.Subscript)) for item in ast.walk(target))


def _propagate_names(body: list[ast.stmt]) -> list[ast.stmt]:
    """Replace a name that is only another name for a value that does not change."""
    stores = Counter(item.id for item in names_in(body) if isinstance(item.ctx, ast.Store))
    aliases: dict[str, ast.expr] = {}
    for statement in body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name, value = statement.targets[0].id, statement.value
            base = value.value if isinstance(value, ast.Subscript) and _is_simple(value) else value
            is_parameter = isinstance(base, ast.Name) and stores[base.id] == 0
            is_once = isinstance(value, ast.Name) and stores[value.id] == 1
            if stores[name] == 1 and (isinstance(value, ast.Constant) or is_parameter or is_once):
                aliases[name] = value
    return [Substitute(aliases).visit(statement) for statement in body] if aliases else body


def _split_tuples(body: list[ast.stmt]) -> list[ast.stmt]:
    """Write `a, b = x, y` as two statements if one only renames a value."""
    statements: list[ast.stmt] = []
    for statement in body:
        pairs = _pairs(statement)
        names = {target.id for target, _ in pairs}
        reads = {item.id for item in names_in(value for _, value in pairs)}
        if any(_is_simple(value) for _, value in pairs) and not names & reads:
            statements += [ast.Assign([target], value) for target, value in pairs]
        else:
            statements.append(statement)
    return statements


def _pairs(statement: ast.stmt) -> list[tuple[ast.Name, ast.expr]]:
    """Return the names and values of `a, b = x, y`, nothing for any other statement."""
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Tuple):
        return []
    (target,) = statement.targets
    if not isinstance(target, ast.Tuple) or len(target.elts) != len(statement.value.elts):
        return []
    names = [item for item in target.elts if isinstance(item, ast.Name)]
    return [*zip(names, statement.value.elts, strict=True)] if len(names) == len(target.elts) else []


def _is_simple(value: ast.expr) -> bool:
    """Return whether an expression is a name, or an entry of one."""
    if isinstance(value, ast.Subscript):
        return isinstance(value.value, ast.Name) and isinstance(value.slice, ast.Constant)
    return isinstance(value, ast.Name)


def _return_values(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return a value as it is if a name is only given to it to be returned."""
    if len(body) < 2 or not isinstance(body[-1], ast.Return) or not isinstance(body[-1].value, ast.Name):
        return body
    before = body[-2]
    if isinstance(before, ast.Assign) and ast.unparse(before.targets[0]) == body[-1].value.id:
        return [*body[:-2], ast.Return(before.value)]
    return body


def _drop_dead(body: list[ast.stmt]) -> list[ast.stmt]:
    """Leave out assignments of values without a reader."""
    loads = {item.id for item in names_in(body) if isinstance(item.ctx, ast.Load)}
    return [
        item
        for item in body
        if not isinstance(item, ast.Assign) or _is_needed(item.targets[0], item.value, loads)
    ]


def _is_needed(target: ast.expr, value: ast.expr, loads: set[str]) -> bool:
    """Return whether an assignment has an effect: its target is read, or its value draws or calls a module."""
    if ast.unparse(target) == ast.unparse(value):
        return False
    if _is_inside(target) or {item.id for item in names_in([target])} & loads:
        return True
    calls = [item for item in ast.walk(value) if isinstance(item, ast.Call)]
    draws = {item.id for item in names_in([value])} & _DRAWING
    return bool(draws) or any(ast.unparse(call.func).startswith("self.") for call in calls)
