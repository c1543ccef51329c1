"""Specialises expressions: what is known of their values takes their place."""

import ast
import builtins
from collections.abc import Callable
from typing import Any

from declare.emit.specialize.abstract_values import (
    UNKNOWN,
    Const,
    Instance,
    Items,
    NotNone,
    Tensor,
    Value,
    merge,
)
from declare.emit.specialize.member_lookup import (
    attribute_value,
    config_key,
    element_value,
    is_function,
    tensor_source,
)
from declare.emit.specialize.recording import Module, is_own
from declare.emit.specialize.syntax_trees import (
    LITERALS,
    copy_expression,
    evaluate,
    is_literal,
    literal,
    rename,
)
from declare.emit.specialize.torch_results import FALSE_COMPARISON
from declare.emit.specialize.units import Callees, Known, Unit

Folded = tuple[ast.expr, Value]
"""What an expression becomes, and what is known of its value."""


class ExpressionFolder:
    """Specialises the expressions of one unit. Nodes are changed in place; `_of_KIND` does so for a kind of node."""

    def __init__(self, library: Callees, unit: Unit) -> None:
        self.library, self.unit = library, unit
        self.scope = unit.scope
        self.env: Known = dict(unit.known or {})
        """What is known of local variables."""
        for name, value in list(self.env.items()):
            if isinstance(value, Items):
                self.env |= {f"{name}_{number}": item for number, item in enumerate(value.items)}
        self.written_lists: dict[int, ast.List] = {}
        """Lists that stand for comprehensions, by the identity of their nodes."""

    def expression(self, node: ast.expr) -> Folded:
        """Return what an expression becomes, and what is known of its value."""
        handler: Callable[[Any], Folded] | None = getattr(self, f"_of_{type(node).__name__.lower()}", None)
        node, value = handler(node) if handler is not None else (self._fold_parts(node), NotNone())
        if isinstance(value, Const) and is_literal(value.value):
            return literal(value.value), value
        return node, value

    def expressions(self, nodes: list[ast.expr]) -> tuple[list[ast.expr], list[Value]]:
        """Return what expressions become, and what is known of their values."""
        pairs = [self.expression(node) for node in nodes]
        return [node for node, _ in pairs], [value for _, value in pairs]

    def value_of(self, node: ast.expr) -> Value:
        """Return what is known of the value of an expression, which stays as it is."""
        return self.expression(copy_expression(node))[1]

    def bind(self, target: ast.expr, value: Value) -> None:
        """Note what a target holds from here on."""
        if isinstance(target, ast.Name):
            self.env[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            items = value.items if isinstance(value, Items) else None
            if isinstance(value, Const) and isinstance(value.value, (tuple, list)):
                items = tuple(map(Const, value.value))
            if items is None or len(items) != len(target.elts):
                items = (UNKNOWN,) * len(target.elts)
            for item, part in zip(target.elts, items, strict=True):
                self.bind(item, part)

    def elements(self, node: ast.expr) -> list[ast.expr] | None:
        """Return the expressions that iterating over an expression gives, None if they are not known."""
        if isinstance(node, (ast.List, ast.Tuple)):
            return node.elts
        if isinstance(node, ast.Name) and node.id in self.unit.expanded:
            names = [f"{node.id}_{number}" for number in range(self.unit.expanded[node.id])]
            return [ast.Name(name, ast.Load()) for name in names]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "zip":
            columns = [column for item in node.args if (column := self.elements(item)) is not None]
            if len(columns) == len(node.args):
                return [ast.Tuple(list(row), ast.Load()) for row in zip(*columns, strict=False)]
        return None

    def _fold_parts(self, node: ast.expr) -> ast.expr:
        """Specialise the parts of an expression."""
        for name, field in ast.iter_fields(node):
            if isinstance(field, ast.expr):
                setattr(node, name, self.expression(field)[0])
            elif isinstance(field, list):
                parts = [self.expression(item)[0] if isinstance(item, ast.expr) else item for item in field]
                setattr(node, name, parts)
        return node

    def _of_constant(self, node: ast.Constant) -> Folded:
        return node, Const(node.value)

    def _of_name(self, node: ast.Name) -> Folded:
        if node.id in self.env:
            return node, self.env[node.id]
        value = self.scope.get(node.id, getattr(builtins, node.id, None))
        if is_own(value):
            return node, Instance(value, config_key(value))
        is_constant = isinstance(value, (*LITERALS, tuple, dict)) and value is not None
        return node, Const(value) if is_constant or is_function(value) else NotNone()

    def _of_attribute(self, node: ast.Attribute) -> Folded:
        node.value, owner = self.expression(node.value)
        if isinstance(owner, Instance):
            source = tensor_source(owner.record, node.attr)
            if source is None or (self.library.classes and isinstance(owner.record, Module)):
                return node, attribute_value(owner.record, node.attr)
            name = self.library.constant(node.attr.strip("_").upper(), source)
            return ast.Name(name, ast.Load()), Tensor()
        if isinstance(owner, Const) and type(owner.value).__module__.startswith("declare."):
            return node, Const(getattr(owner.value, node.attr))
        if isinstance(owner, Tensor) and node.attr == "ndim" and owner.rank is not None:
            return node, Const(owner.rank)
        return node, NotNone() if isinstance(owner, Tensor) else UNKNOWN

    def _of_subscript(self, node: ast.Subscript) -> Folded:
        node.value, owner = self.expression(node.value)
        node.slice, index = self.expression(node.slice)
        if isinstance(owner, Const) and isinstance(index, Const):
            return node, Const(owner.value[index.value])
        if isinstance(owner, Items) and isinstance(index, Const) and isinstance(index.value, int):
            items = self.elements(node.value)
            if items is not None:
                return items[index.value], owner.items[index.value]
        return node, Tensor(None, owner.is_float) if isinstance(owner, Tensor) else NotNone()

    def _of_joinedstr(self, node: ast.JoinedStr) -> Folded:
        for item in node.values:
            if isinstance(item, ast.FormattedValue):
                item.value, _ = self.expression(item.value)
        parts = [item.value if isinstance(item, ast.FormattedValue) else item for item in node.values]
        constants = [item for item in parts if isinstance(item, ast.Constant)]
        if len(constants) == len(parts):
            return node, Const("".join(str(item.value) for item in constants))
        return node, NotNone()

    def _of_starred(self, node: ast.Starred) -> Folded:
        node.value, _ = self.expression(node.value)
        return node, UNKNOWN

    def _of_tuple(self, node: ast.Tuple) -> Folded:
        node.elts, values = self.expressions(node.elts)
        constants = constants_of(values)
        return node, Items(tuple(values)) if constants is None else Const(tuple(constants))

    def _of_list(self, node: ast.List) -> Folded:
        node.elts, values = self.expressions(node.elts)
        return node, Items(tuple(values)) if values else NotNone()

    def _of_dict(self, node: ast.Dict) -> Folded:
        node.keys = [None if item is None else self.expression(item)[0] for item in node.keys]
        node.values, _ = self.expressions(node.values)
        return node, NotNone()

    def _of_unaryop(self, node: ast.UnaryOp) -> Folded:
        node.operand, value = self.expression(node.operand)
        if isinstance(node.op, ast.Not) and isinstance(value, (Instance, Items)):
            return node, Const(value=False)
        if isinstance(node.op, ast.Invert) and isinstance(value, Tensor):
            return node, value
        return node, Const(evaluate(node)) if isinstance(value, Const) else NotNone()

    def _of_binop(self, node: ast.BinOp) -> Folded:
        node.left, left = self.expression(node.left)
        node.right, right = self.expression(node.right)
        if isinstance(left, Const) and isinstance(right, Const):
            return node, Const(evaluate(node))
        if isinstance(node.op, ast.BitOr) and right == Const(value=False):
            return node.left, left
        return node, left if isinstance(left, Tensor) else NotNone()

    def _of_compare(self, node: ast.Compare) -> Folded:
        if ast.unparse(node).endswith(FALSE_COMPARISON):
            return node, Const(value=False)
        node.left, left = self.expression(node.left)
        node.comparators, values = self.expressions(node.comparators)
        if len(values) == 1 and isinstance(node.ops[0], (ast.Is, ast.IsNot)):
            same = _are_same(left, values[0])
            if same is not None:
                return node, Const(same == isinstance(node.ops[0], ast.Is))
        if constants_of([left, *values]) is not None:
            return node, Const(evaluate(node))
        return node, NotNone()

    def _of_boolop(self, node: ast.BoolOp) -> Folded:
        """Leave out parts that do not change the result, and those after one that decides it."""
        is_and = isinstance(node.op, ast.And)
        parts: list[Folded] = []
        for item in node.values:
            part, value = self.expression(item)
            decides = isinstance(value, Const) and bool(value.value) != is_and
            if decides and not parts:
                return part, value
            if decides or not isinstance(value, Const):
                parts.append((part, value))
            if decides:
                break
        if not parts:
            return node, Const(is_and)
        _, last = parts[-1]
        if is_and and isinstance(last, Const) and not last.value:
            return node, Const(value=False)
        if len(parts) == 1:
            return parts[0]
        node.values = [item for item, _ in parts]
        return node, UNKNOWN

    def _of_ifexp(self, node: ast.IfExp) -> Folded:
        node.test, test = self.expression(node.test)
        if isinstance(test, Const):
            return self.expression(node.body if test.value else node.orelse)
        node.body, body = self.expression(node.body)
        node.orelse, orelse = self.expression(node.orelse)
        return node, merge(body, orelse)

    def _of_listcomp(self, node: ast.ListComp | ast.GeneratorExp) -> Folded:
        """Specialise a comprehension; one over a few known values is written out."""
        before = dict(self.env)
        values: Value = UNKNOWN
        for generator in node.generators:
            generator.iter, values = self.expression(generator.iter)
            self.bind(generator.target, element_value(values))
            generator.ifs, _ = self.expressions(generator.ifs)
        is_plain = len(node.generators) == 1 and not node.generators[0].ifs
        items = values if is_plain and isinstance(values, Items) else None
        if items is not None and (written := self._write_out(node, items)) is not None:
            self.env = before
            return written
        node.elt, element = self.expression(node.elt)
        self.env = before
        return node, NotNone() if items is None else Items((element,) * len(items.items))

    _of_generatorexp = _of_listcomp

    def _write_out(self, node: ast.ListComp | ast.GeneratorExp, items: Items) -> Folded | None:
        """Return the list that a comprehension over a tuple that is written out gives, None for any other."""
        source, target = node.generators[0].iter, node.generators[0].target
        if not isinstance(source, ast.Name) or source.id not in self.unit.expanded:
            return None
        assert isinstance(target, ast.Name), ast.unparse(node)
        names = [f"{source.id}_{number}" for number in range(len(items.items))]
        self.env |= dict(zip(names, items.items, strict=True))
        elements = [rename(copy_expression(node.elt), target.id, name) for name in names]
        elements, values = self.expressions(elements)
        written = ast.List(elements, ast.Load())
        self.written_lists[id(written)] = written
        return written, Items(tuple(values))


def constants_of(values: list[Value]) -> list[Any] | None:
    """Return the constants that values are, None if not all of them are constants."""
    constants = [value.value for value in values if isinstance(value, Const)]
    return constants if len(constants) == len(values) else None


def _are_same(left: Value, right: Value) -> bool | None:
    """Return whether two values are one object, None if that is not known."""
    if isinstance(left, Const) and isinstance(right, Const):
        return left.value is right.value
    none = Const(None)
    if (isinstance(left, NotNone) and right == none) or (isinstance(right, NotNone) and left == none):
        return False
    return None
