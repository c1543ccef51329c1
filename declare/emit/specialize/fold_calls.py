"""Specialises calls: units of this program learn from them what is known of their parameters."""

import ast
import builtins
import types
from collections.abc import Mapping, Sequence

from declare.emit.specialize.abstract_values import (
    Batch,
    Const,
    Instance,
    Items,
    NotNone,
    OneOf,
    Tensor,
    Value,
)
from declare.emit.specialize.fold_expressions import ExpressionFolder, Folded, constants_of
from declare.emit.specialize.member_lookup import attribute_value, methods_of
from declare.emit.specialize.recording import Container, Module, children_of, is_own
from declare.emit.specialize.syntax_trees import literal
from declare.emit.specialize.torch_results import FALSE_CALLS, function_result, method_result
from declare.emit.specialize.units import (
    Unit,
    bind_arguments,
    forward_unit,
    function_unit,
    inherited_unit,
    method_unit,
)

_PURE = {
    "len",
    "int",
    "float",
    "str",
    "bool",
    "max",
    "min",
    "tuple",
    "list",
    "sum",
    "abs",
    "dict",
    "range",
    "sorted",
}
"""Builtins whose result for constants is a constant."""


class CallFolder(ExpressionFolder):
    """Specialises the expressions of one unit, calls among them."""

    def _of_call(self, node: ast.Call) -> Folded:
        node.args, arguments = self.expressions(node.args)
        node.keywords = [part for item in node.keywords for part in self._keywords(item)]
        values, known = self.expressions([item.value for item in node.keywords])
        for item, value in zip(node.keywords, values, strict=True):
            item.value = value
        named = {str(item.arg): value for item, value in zip(node.keywords, known, strict=True)}
        if isinstance(node.func, ast.Name) and node.func.id in _PURE and not named:
            return node, _builtin_result(node.func.id, arguments)
        if (
            isinstance(node.func, ast.Name)
            and node.func.id == "isinstance"
            and isinstance(arguments[0], Const)
        ):
            kinds = _builtin_types(node.args[1])
            if kinds is not None:
                return node, Const(isinstance(arguments[0].value, kinds))
        if ast.unparse(node) in FALSE_CALLS:
            return node, Const(value=False)
        unit = self._callee(node.func)
        if unit is None:
            self._note_indirect_calls(node.func, arguments, named)
            return self._library_call(node, arguments)
        unit = self.library.call(unit, bind_arguments(unit, arguments, named))
        self.unit.calls[id(node)] = (node, unit)
        return node, unit.returned

    def _keywords(self, item: ast.keyword) -> list[ast.keyword]:
        """Return a keyword argument, or those that `**` of a known dict stands for."""
        if item.arg is not None:
            return [item]
        value = self.value_of(item.value)
        if not isinstance(value, Const) or not isinstance(value.value, dict):
            return [item]
        return [ast.keyword(name, literal(part)) for name, part in value.value.items()]

    def _library_call(self, node: ast.Call, arguments: list[Value]) -> Folded:
        """Return a call of something that is not this program's."""
        if not isinstance(node.func, ast.Attribute):
            node.func, _ = self.expression(node.func)
            return node, NotNone()
        node.func.value, owner = self.expression(node.func.value)
        name = node.func.attr
        result: Value | None = None
        if isinstance(owner, Batch):
            result = _field(owner, name, arguments)
        elif isinstance(owner, Tensor):
            result = method_result(owner, name, arguments)
        result = result or function_result(ast.unparse(node.func), arguments)
        if result is not None:
            return node, result
        if name == "cat" and isinstance(node.args[0], ast.List) and len(node.args[0].elts) == 1:
            return node.args[0].elts[0], NotNone()
        return node, NotNone()

    def _note_indirect_calls(
        self, function: ast.expr, arguments: list[Value], named: Mapping[str, Value]
    ) -> None:
        """Note the calls of this program's modules that a container or a choice of modules makes."""
        value = self.value_of(function)
        if isinstance(function, ast.Call) or not isinstance(value, (Instance, OneOf)):
            if ast.unparse(function) == "super().forward" and self.unit.owner is not None:
                self._call_children(self.unit.owner, arguments)
            return
        for record in (value.record,) if isinstance(value, Instance) else value.records:
            unit = forward_unit(record)
            if unit is not None:
                self.library.call(unit, bind_arguments(unit, arguments, named))
            else:
                self._call_children(record, arguments)

    def _call_children(self, module: Module, arguments: Sequence[Value]) -> None:
        """Note the calls that a `Sequential` makes of its children."""
        if not isinstance(module, Container):
            return
        for child in children_of(module):
            unit = forward_unit(child)
            if unit is not None:
                self.library.call(unit, bind_arguments(unit, arguments, {}))
            else:
                self._call_children(child, arguments)
            arguments = [Tensor()]

    def _callee(self, function: ast.expr) -> Unit | None:
        """Return the unit that a call goes to, None if it is not one of this program."""
        if isinstance(function, ast.Name):
            value = self.env.get(function.id)
            return _unit_of(value) if value is not None else function_unit(self.scope.get(function.id))
        if not isinstance(function, ast.Attribute):
            return None
        if ast.unparse(function.value) == "super()" and self.unit.owner is not None:
            return inherited_unit(self.unit, function.attr)
        if isinstance(function.value, ast.Name):
            holder = self.scope.get(function.value.id)
            if isinstance(holder, types.ModuleType):
                return function_unit(getattr(holder, function.attr, None))
        owner = self.value_of(function.value)
        return _method(owner.record, function.attr) if isinstance(owner, Instance) else None


def _unit_of(value: Value) -> Unit | None:
    """Return the unit that a call of a value goes to."""
    if isinstance(value, Instance):
        return forward_unit(value.record)
    return function_unit(value.value) if isinstance(value, Const) else None


def _method(owner: Module, name: str) -> Unit | None:
    """Return the unit that a call of an attribute goes to."""
    value = attribute_value(owner, name)
    if isinstance(value, (Instance, Const)):
        return _unit_of(value)
    return method_unit(owner, name) if is_own(owner) and name in methods_of(owner) else None


def _field(batch: Batch, method: str, arguments: list[Value]) -> Value | None:
    """Return None as the value of lengths that a batch does not have, None if nothing is known."""
    if method != "get" or not isinstance(arguments[0], Const):
        return None
    name = arguments[0].value
    return Const(None) if name.endswith(".lengths") and name not in batch.lengths else None


def _builtin_types(node: ast.expr) -> tuple[type, ...] | None:
    """Return the types that an expression names (`int`, `(list, tuple)`, `int | float`), None for any others."""
    values = [getattr(builtins, item.id, None) for item in ast.walk(node) if isinstance(item, ast.Name)]
    kinds = tuple(value for value in values if isinstance(value, type))
    return kinds if kinds and len(kinds) == len(values) else None


def _builtin_result(name: str, arguments: list[Value]) -> Value:
    """Return what is known of the result of a builtin."""
    constants = constants_of(arguments)
    if constants is not None:
        return Const(getattr(builtins, name)(*constants))
    if name == "len" and isinstance(arguments[0], Items):
        return Const(len(arguments[0].items))
    return NotNone()
