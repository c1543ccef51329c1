"""Specialises statements: dead branches go, loops over a few known values are written out."""

import ast
import importlib
from collections.abc import Callable, Iterable
from typing import Any

from declare.emit.specialize.abstract_values import UNKNOWN, Const, Items, NotNone, Value, merge
from declare.emit.specialize.fold_calls import CallFolder
from declare.emit.specialize.member_lookup import element_value
from declare.emit.specialize.syntax_trees import Substitute, copy_function, match_targets, stored_names
from declare.emit.specialize.units import Callees, Unit

_Handler = Callable[[Any], list[ast.stmt]]
_LONGEST = 16
"""Loops of more rounds are not written out."""


class Folder(CallFolder):
    """Specialises the body of one unit; `_on_KIND` does so for a kind of statement."""

    def __init__(self, library: Callees, unit: Unit) -> None:
        super().__init__(library, unit)
        self.returns: list[Value] = []

    def run(self) -> None:
        """Fill `body` and `returned`."""
        tree = copy_function(self.unit.tree)
        self.unit.calls = {}
        self.unit.expanded = {
            name: len(value.items) for name, value in self.env.items() if isinstance(value, Items)
        }
        self.unit.body = self.block(tree.body)
        if _only_refuses(self.unit.body):
            self.unit.body = [ast.Pass()]
        returned = self.returns[0] if self.returns else UNKNOWN
        for value in self.returns[1:]:
            returned = merge(returned, value)
        self.unit.returned = returned

    def block(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        """Return specialised statements; what comes after a certain return is left out."""
        block: list[ast.stmt] = []
        for statement in statements:
            block += self._statement(statement)
            if block and isinstance(block[-1], (ast.Return, ast.Raise, ast.Continue)):
                break
        return _without_refusal(block)

    def _statement(self, node: ast.stmt) -> list[ast.stmt]:
        """Return what a statement becomes."""
        handler: _Handler | None = getattr(self, f"_on_{type(node).__name__.lower()}", None)
        if handler is None:
            raise NotImplementedError(f"{self.unit.key}: {ast.unparse(node)}")
        return handler(node)

    def _on_return(self, node: ast.Return) -> list[ast.stmt]:
        if node.value is not None:
            node.value, value = self.expression(node.value)
            self.returns.append(value)
        return [node]

    def _on_expr(self, node: ast.Expr) -> list[ast.stmt]:
        if isinstance(node.value, ast.Constant):
            return []
        node.value, _ = self.expression(node.value)
        return [node]

    def _on_import(self, node: ast.Import) -> list[ast.stmt]:
        for item in node.names:
            module = importlib.import_module(item.name)
            self.scope[item.asname or item.name.partition(".")[0]] = module
        return []

    def _on_importfrom(self, node: ast.ImportFrom) -> list[ast.stmt]:
        module = importlib.import_module(str(node.module))
        for item in node.names:
            name = item.asname or item.name
            self.scope[name] = getattr(module, item.name, None) or importlib.import_module(
                f"{node.module}.{item.name}"
            )
            self.library.import_lines[name] = f"from {node.module} import {item.name}"
        return []

    def _on_functiondef(self, node: ast.FunctionDef) -> list[ast.stmt]:
        before = dict(self.env)
        self.env |= {item.arg: UNKNOWN for item in node.args.args}
        returns, self.returns = self.returns, []
        node.body = self.block(node.body)
        self.returns = returns
        self.env = before | {node.name: NotNone()}
        return [node]

    def _leave_out(self, node: ast.stmt) -> list[ast.stmt]:
        return []

    _on_pass = _on_assert = _leave_out

    def _keep(self, node: ast.stmt) -> list[ast.stmt]:
        return [node]

    _on_break = _on_continue = _on_raise = _keep

    def _on_annassign(self, node: ast.AnnAssign) -> list[ast.stmt]:
        assert node.value is not None
        return self._on_assign(ast.Assign([node.target], node.value, lineno=node.lineno))

    def _on_assign(self, node: ast.Assign) -> list[ast.stmt]:
        (target,) = node.targets
        node.value, value = self.expression(node.value)
        self._inside_target(target)
        if not isinstance(node.value, ast.List):
            self.bind(target, value)
            return [node]
        is_written_out = id(node.value) in self.written_lists
        self.bind(target, value if is_written_out else NotNone())
        if not is_written_out or not isinstance(target, ast.Name) or not isinstance(value, Items):
            return [node]
        self.unit.expanded[target.id] = len(value.items)
        names = [f"{target.id}_{number}" for number in range(len(value.items))]
        self.env |= dict(zip(names, value.items, strict=True))
        pairs = zip(names, node.value.elts, strict=True)
        return [ast.Assign([ast.Name(name, ast.Store())], item) for name, item in pairs]

    def _on_augassign(self, node: ast.AugAssign) -> list[ast.stmt]:
        node.value, _ = self.expression(node.value)
        self._inside_target(node.target)
        self.bind(node.target, NotNone())
        return [node]

    def _on_if(self, node: ast.If) -> list[ast.stmt]:
        test, value = self.expression(node.test)
        decision = _decision(test)
        value = value if decision is None else Const(decision)
        if isinstance(value, Const):
            return self.block(node.body if value.value else node.orelse)
        before = dict(self.env)
        body = self.block(node.body)
        after_body, self.env = self.env, before
        orelse = self.block(node.orelse)
        self._join_branches(body, after_body, orelse)
        if not orelse and body and isinstance(body[-1], ast.Raise):
            body = []  # what a compiled plan has checked
        if not body and not orelse:
            return []
        if not body:
            return [ast.If(ast.UnaryOp(ast.Not(), test), orelse, [])]
        return [ast.If(test, body, orelse)]

    def _join_branches(
        self, body: list[ast.stmt], after_body: dict[str, Value], orelse: list[ast.stmt]
    ) -> None:
        """Note what is known after one of two branches; `env` is what is known after the second."""
        if body and isinstance(body[-1], (ast.Return, ast.Raise)):
            return
        if orelse and isinstance(orelse[-1], (ast.Return, ast.Raise)):
            self.env = after_body
            return
        names = self.env.keys() & after_body.keys()
        self.env = {name: merge(self.env[name], after_body[name]) for name in names}

    def _on_for(self, node: ast.For) -> list[ast.stmt]:
        node.iter, items = self.expression(node.iter)
        rounds = self._rounds(node)
        if rounds is not None:
            return rounds
        before = dict(self.env)
        source = [ast.unparse(statement) for statement in node.body]
        changed: set[str] = set()
        while True:
            self.env = {name: UNKNOWN if name in changed else value for name, value in before.items()}
            self.bind(node.target, element_value(items))
            node.body = self.block([ast.parse(text).body[0] for text in source])
            stored = stored_names(node.body)
            if stored <= changed:
                break
            changed |= stored
        self.env |= dict.fromkeys(changed, UNKNOWN)
        return [node]

    def _rounds(self, node: ast.For) -> list[ast.stmt] | None:
        """Return a loop over a few values of known number written out, None if that cannot be."""
        elements = self.elements(node.iter)
        if elements is None or len(elements) > _LONGEST:
            return None
        rounds: list[ast.stmt] = []
        for element in elements:
            values = match_targets(node.target, element)
            if values is None:
                return None
            copies = [ast.parse(ast.unparse(statement)).body[0] for statement in node.body]
            block = self.block([Substitute(values).visit(statement) for statement in copies])
            if block and isinstance(block[-1], ast.Continue):
                block.pop()
            if any(isinstance(item, (ast.Continue, ast.Break)) for part in block for item in ast.walk(part)):
                return None
            rounds += block
        return rounds

    def _on_while(self, node: ast.While) -> list[ast.stmt]:
        self._forget(stored_names(node.body))
        node.test, value = self.expression(node.test)
        if value == Const(value=False):
            return []
        node.body = self.block(node.body)
        self._forget(stored_names(node.body))
        return [node]

    def _forget(self, names: Iterable[str]) -> None:
        """Keep of variables no more than that they are not None."""
        for name in names:
            self.env[name] = NotNone() if isinstance(self.env.get(name), NotNone) else UNKNOWN

    def _on_with(self, node: ast.With) -> list[ast.stmt]:
        for item in node.items:
            item.context_expr, _ = self.expression(item.context_expr)
        node.body = self.block(node.body)
        return [node]

    def _inside_target(self, target: ast.expr) -> None:
        """Specialise what a target is an entry of."""
        if isinstance(target, ast.Subscript):
            target.value, _ = self.expression(target.value)
            target.slice, _ = self.expression(target.slice)


def _without_refusal(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return statements that end in an error without the condition under which they do not: a plan is checked."""
    if not body or not isinstance(body[-1], ast.Raise):
        return body
    for place in range(len(body) - 2, -1, -1):
        item = body[place]
        if (
            isinstance(item, ast.If)
            and item.body
            and isinstance(item.body[-1], ast.Return)
            and not item.orelse
        ):
            return [*body[:place], *item.body]
    return body


def _only_refuses(body: list[ast.stmt]) -> bool:
    """Return whether code gives nothing and ends in an error, unless it returns before: a plan is checked."""
    if not body or not isinstance(body[-1], ast.Raise):
        return False
    nodes = [node for item in body for node in ast.walk(item)]
    return not any(isinstance(node, ast.Return) and node.value is not None for node in nodes)


def _decision(test: ast.expr) -> bool | None:
    """Return what a condition is whose last part decides it, None if that is not known."""
    if isinstance(test, ast.BoolOp) and isinstance(test.values[-1], ast.Constant):
        value = bool(test.values[-1].value)
        return value if value == isinstance(test.op, ast.Or) else None
    return None
