"""The last pass over specialised code: arguments that are known go, small functions are inlined."""

import ast
from collections import Counter

from declare.emit.specialize.abstract_values import Const, Items
from declare.emit.specialize.simplify import is_inert, simplify
from declare.emit.specialize.syntax_trees import Substitute, copy_expression, copy_function, names_in
from declare.emit.specialize.units import Unit

_LONGEST = 60
"""Characters of an expression that is put in the place of a call."""


def function_tree(unit: Unit) -> ast.FunctionDef:
    """Return the definition of a finished unit, without parameters that are known."""
    tree = copy_function(unit.tree)
    spec = tree.args
    first = spec.args[:1] if unit.owner is not None and (unit.uses_self or unit.is_method) else []
    annotations = {item.arg: item.annotation for item in (*spec.args, *spec.kwonlyargs)}
    vararg = spec.vararg.annotation if spec.vararg is not None else None
    names = unit.remaining_parameters
    parameters = [ast.arg(name, annotations.get(name, vararg)) for name in names]
    defaults = [unit.defaults[name] for name in names if name in unit.defaults]
    tree.args = ast.arguments([], [*first, *parameters], None, [], [], None, defaults)
    tree.body = unit.body
    tree.decorator_list = []
    gives_dict = any(isinstance(item.value, ast.Dict) for item in _returns(unit.body))
    if not gives_dict and tree.returns is not None and ast.unparse(tree.returns).startswith("dict"):
        tree.returns = ast.Name("Tensor", ast.Load())
    return tree


def finish(unit: Unit, outputs: set[str] | None = None, entries: set[str] | None = None) -> None:
    """Finish the body of a unit, once; of its dict of outputs only `outputs` are computed.

    `entries` are those that the only output is reduced to, if it is its own dict.
    """
    if unit.is_finished:
        return
    unit.is_finished = True
    if outputs is not None and all(isinstance(item.value, ast.Dict) for item in _returns(unit.body)):
        unit.is_reduced = len(outputs) == 1
        unit.body = [_Outputs(outputs).visit(statement) for statement in unit.body]
    if entries is not None and isinstance(unit.body[-1], ast.Return):
        unit.body = [_Outputs(entries, as_dict=True).visit(statement) for statement in unit.body]
    _shorten_only_item(unit)
    calls = _Calls(unit)
    body = [calls.visit(statement) for statement in unit.body]
    unit.body = simplify(_with_effect(body, calls))


def _with_effect(body: list[ast.stmt], calls: "_Calls") -> list[ast.stmt]:
    """Return statements without calls that have no effect, and without branches that hold nothing else."""
    kept: list[ast.stmt] = []
    for item in body:
        if isinstance(item, ast.If):
            item.body, item.orelse = _with_effect(item.body, calls), _with_effect(item.orelse, calls)
            if not item.body and not item.orelse:
                continue
            item.body = item.body or [ast.Pass()]
        if not calls.is_without_effect(item):
            kept.append(item)
    return kept


def _returns(body: list[ast.stmt]) -> list[ast.Return]:
    return [item for part in body for item in ast.walk(part) if isinstance(item, ast.Return)]


def _shorten_only_item(unit: Unit) -> None:
    """Call the only item of a tuple that is written out `x` if that is free."""
    if "x" in {*unit.parameters, *unit.expanded}:
        return
    name = next((name for name, length in unit.expanded.items() if length == 1), None)
    if name is None:
        return
    for item in names_in(unit.body):
        if item.id == f"{name}_0":
            item.id = "x"
    unit.item_names = {f"{name}_0": "x"}


class _Outputs(ast.NodeTransformer):
    """Leaves entries out of a dict that is returned; a single one stands for itself, except `as_dict`."""

    def __init__(self, outputs: set[str], *, as_dict: bool = False) -> None:
        self.outputs, self.as_dict = outputs, as_dict

    def visit_Return(self, node: ast.Return) -> ast.Return:
        """Reduce what is returned."""
        if isinstance(node.value, ast.Dict):
            pairs = [
                (key, value)
                for key, value in zip(node.value.keys, node.value.values, strict=True)
                if isinstance(key, ast.Constant) and key.value in self.outputs
            ]
            keys, values = [key for key, _ in pairs], [value for _, value in pairs]
            node.value = values[0] if len(pairs) == 1 and not self.as_dict else ast.Dict([*keys], values)
        return node


class _Calls(ast.NodeTransformer):
    """Leaves known arguments out, writes tuples out, inlines."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.inert: dict[int, ast.Call] = {}
        """Calls of units that have no effect, by the identity of their nodes."""

    def is_without_effect(self, statement: ast.stmt) -> bool:
        """Return whether a statement is a call of a unit that has no effect."""
        return isinstance(statement, ast.Expr) and id(statement.value) in self.inert

    def visit_Starred(self, node: ast.Starred) -> ast.expr | None:
        """Leave an empty tuple out."""
        self.generic_visit(node)
        return None if isinstance(node.value, ast.Tuple) and not node.value.elts else node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Write a tuple out."""
        length = self.unit.expanded.get(node.id)
        if length is None or not isinstance(node.ctx, ast.Load):
            return node
        names = self.unit.names_of_items(node.id, length)
        return ast.Tuple([ast.Name(name, ast.Load()) for name in names], ast.Load())

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Write a call as the finished unit takes it, or what it computes in its place."""
        called = self.unit.called_unit(node)
        self.generic_visit(node)
        node.args = [part for item in node.args for part in _unpack(item)]
        if called is None:
            return node
        finish(called)
        if is_inert(called.body):
            self.inert[id(node)] = node
        bound = _bind(called, node)
        is_forward = called.is_method and called.function.__name__ == "forward"
        if not called.uses_self and not is_forward:
            inlined = inline(called, bound)
            if inlined is not None:
                return inlined
        if called.owner is None or not (called.uses_self or called.is_method):
            node.func = ast.Name(called.marker, ast.Load())
        _set_arguments(node, called.remaining_parameters, bound)
        return node


def _unpack(item: ast.expr) -> list[ast.expr]:
    return item.value.elts if isinstance(item, ast.Starred) and isinstance(item.value, ast.Tuple) else [item]


def _bind(unit: Unit, node: ast.Call) -> dict[str, ast.expr]:
    """Return the arguments of a call by the names of parameters, tuples written out, without those that are known."""
    known = unit.known or {}
    arguments = [*zip(unit.positional, node.args, strict=False)]
    arguments += [(str(item.arg), item.value) for item in node.keywords]
    bound: dict[str, ast.expr] = {}
    for name, item in arguments:
        if isinstance(known[name], Items):
            assert isinstance(item, (ast.Tuple, ast.List)), ast.unparse(item)
            bound |= zip(unit.names_of_items(name, len(item.elts)), item.elts, strict=True)
        elif not isinstance(known[name], Const):
            bound[name] = item
    if unit.vararg is not None:
        rest = node.args[len(unit.positional) :]
        assert isinstance(known[unit.vararg], Items), (
            f"{unit.key} is called with different numbers of arguments"
        )
        bound |= zip(unit.names_of_items(unit.vararg, len(rest)), rest, strict=True)
    return bound


def _set_arguments(node: ast.Call, names: list[str], bound: dict[str, ast.expr]) -> None:
    """Give a call its arguments: by position up to the first that is left to its default."""
    node.args, node.keywords = [], []
    for place, name in enumerate(names):
        if name not in bound:
            continue
        if len(node.args) == place:
            node.args.append(bound[name])
        else:
            node.keywords.append(ast.keyword(name, bound[name]))


def inline(unit: Unit, bound: dict[str, ast.expr]) -> ast.expr | None:
    """Return the expression that a unit is with its arguments in place, None if that is not short."""
    if len(unit.body) != 1 or not isinstance(unit.body[0], ast.Return) or unit.body[0].value is None:
        return None
    expression = copy_expression(unit.body[0].value)
    reads = Counter(item.id for item in names_in([expression]))
    simple = all(
        reads[name] <= 1 or isinstance(item, (ast.Name, ast.Constant)) for name, item in bound.items()
    )
    if not simple or len(ast.unparse(expression)) > _LONGEST:
        return None
    inlined: ast.expr = Substitute(bound).visit(expression)
    return inlined
