"""Units: functions and methods whose code is specialised, and what is known of their parameters."""

import ast
import inspect
import itertools
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Protocol

from declare.emit.specialize.abstract_values import UNKNOWN, Const, Instance, Items, Value, merge
from declare.emit.specialize.member_lookup import config_key, inherited_method, is_function, methods_of
from declare.emit.specialize.recording import is_own
from declare.emit.specialize.syntax_trees import mentioned_names

Known = dict[str, Value]
_NUMBERS = itertools.count(1)
_CACHED = type(cache(len))
"""The type of functions that keep their results."""


class Unit:
    """A function or method, and what is known of its parameters; `owner` is what a method belongs to.

    An owner is a module that was recorded, or another object of this program, such as a transform.
    """

    def __init__(self, key: str, function: Callable[..., Any], owner: Any = None) -> None:
        self.key, self.function, self.owner = key, function, owner
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        assert isinstance(tree, ast.FunctionDef)
        self.tree = tree
        self.known: Known | None = None
        self.body: list[ast.stmt] = []
        self.calls: dict[int, tuple[ast.Call, Unit]] = {}
        """Calls of other units in the body, by the identity of their nodes; nodes are held, so it stays theirs."""
        self.expanded: dict[str, int] = {}
        """Names of tuples that are written out as `NAME_0`, `NAME_1`, ..., and their lengths."""
        self.item_names: dict[str, str] = {}
        """Names that items of such tuples have instead of `NAME_0`."""
        self.returned: Value = UNKNOWN
        self.number = next(_NUMBERS)
        self.is_method = False
        """Whether it stays a method of a class that is written."""
        self.is_finished = False
        self.is_reduced = False
        """Whether it gives one of its outputs, and not a dict of them."""
        closed = inspect.getclosurevars(function).nonlocals if function.__closure__ else {}
        self.scope: dict[str, Any] = {**function.__globals__, **closed}

    @property
    def marker(self) -> str:
        """What stands for its name until that is known."""
        return f"_unit{self.number}_"

    @property
    def uses_self(self) -> bool:
        """Whether its body reads `self`."""
        nodes = [item for part in self.body for item in ast.walk(part)]
        return any(isinstance(item, ast.Name) and item.id in {"self", "super"} for item in nodes)

    @property
    def positional(self) -> list[str]:
        """Names of the parameters that calls may give by position, without `self`."""
        names = [item.arg for item in (*self.tree.args.posonlyargs, *self.tree.args.args)]
        return names[1:] if self.owner is not None else names

    @property
    def parameters(self) -> list[str]:
        """Names of the parameters, without `self` and `*NAME`."""
        return [*self.positional, *(item.arg for item in self.tree.args.kwonlyargs)]

    @property
    def vararg(self) -> str | None:
        """The name of the parameter `*NAME`."""
        return self.tree.args.vararg.arg if self.tree.args.vararg is not None else None

    @property
    def all_parameters(self) -> list[str]:
        """Names of the parameters without `self` and those of which the value is known."""
        known = self.known or {}
        return [name for name in self.parameters if not isinstance(known.get(name), Const)]

    @property
    def remaining_parameters(self) -> list[str]:
        """Names of the parameters that its written code takes: not known, and read; in order, tuples written out."""
        known, loads = self.known or {}, mentioned_names(self.body)
        vararg = [self.vararg] if self.vararg is not None else []
        names = [*self.positional, *vararg, *(item.arg for item in self.tree.args.kwonlyargs)]
        remaining: list[str] = []
        for name in names:
            value = known[name]
            if isinstance(value, Items):
                remaining += self.names_of_items(name, len(value.items))
            elif self.is_finished and name not in loads and name != names[0]:
                continue
            elif not isinstance(value, Const):
                remaining.append(name)
        return remaining

    @property
    def defaults(self) -> dict[str, ast.expr]:
        """Defaults of the parameters."""
        spec = self.tree.args
        positional = [item.arg for item in (*spec.posonlyargs, *spec.args)]
        values = dict(zip(reversed(positional), reversed(spec.defaults), strict=False))
        keywords = zip(spec.kwonlyargs, spec.kw_defaults, strict=True)
        return values | {item.arg: value for item, value in keywords if value is not None}

    def names_of_items(self, name: str, length: int) -> list[str]:
        """Return what the items of a tuple that is written out are called."""
        names = [f"{name}_{number}" for number in range(length)]
        return [self.item_names.get(item, item) for item in names]

    def called_unit(self, node: ast.Call) -> "Unit | None":
        """Return the unit that a call in the body goes to."""
        call = self.calls.get(id(node))
        return call[1] if call is not None else None

    def merge(self, known: Known) -> bool:
        """Take in what one more caller knows; return whether that changes anything."""
        before = self.known
        self.known = (
            dict(known)
            if before is None
            else {name: merge(value, known[name]) for name, value in before.items()}
        )
        return self.known != before


class Callees(Protocol):
    """What a body is specialised among: takes note of the units that it calls, and the tensors that it reads."""

    classes: bool
    """Whether classes of modules are written, with their methods; else methods become functions."""
    import_lines: dict[str, str]
    """Of names that functions import: how."""

    def call(self, unit: Unit, known: Known) -> Unit:
        """Note a call of a unit; return the one that stands for all its calls."""
        ...

    def constant(self, name: str, source: str) -> str:
        """Return the name of a tensor that functions refer to."""
        ...


def bind_arguments(unit: Unit, arguments: Sequence[Value], named: Mapping[str, Value]) -> Known:
    """Return what a call knows of the parameters of a unit."""
    positional, defaults = unit.positional, unit.defaults
    known: Known = {
        name: Const(ast.literal_eval(defaults[name])) for name in unit.parameters if name in defaults
    }
    known |= dict(zip(positional, arguments, strict=False))
    if unit.vararg is not None:
        known[unit.vararg] = Items(tuple(arguments[len(positional) :]))
    known |= named
    if unit.owner is not None:
        known["self"] = Instance(unit.owner, config_key(unit.owner))
    return known


def function_unit(value: Any) -> Unit | None:
    """Return the unit of a function of this program, cached or not; None for anything else."""
    value = value.__wrapped__ if isinstance(value, _CACHED) else value
    return Unit(f"{value.__module__}.{value.__qualname__}", value) if is_function(value) else None


def method_unit(owner: Any, name: str) -> Unit:
    """Return the unit of a method of this program."""
    return Unit(f"{config_key(owner)}.{name}", methods_of(owner)[name], owner)


def forward_unit(module: Any) -> Unit | None:
    """Return the unit of what a module, or another object that is called, computes; None if that is a library's."""
    if not is_own(module):
        return None
    methods = methods_of(module)
    return next((method_unit(module, name) for name in ("forward", "__call__") if name in methods), None)


def inherited_unit(unit: Unit, name: str) -> Unit | None:
    """Return the unit of `super().NAME` in a method, None if that is a library's."""
    home = unit.function.__qualname__.rpartition(".")[0]
    method = inherited_method(unit.owner, home, name)
    if method is None:
        return None
    base, function = method
    return Unit(f"{config_key(unit.owner)}.{base.__qualname__}.{name}", function, unit.owner)
