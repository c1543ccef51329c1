"""Writes classes of modules: how they are made, and what they compute."""

import ast
import builtins
import keyword
import re
from collections.abc import Iterator
from typing import Any

from declare.emit.specialize.finish import finish, function_tree
from declare.emit.specialize.member_lookup import config_key, methods_of
from declare.emit.specialize.recording import (
    STATEMENTS,
    Buffer,
    Container,
    Expression,
    Module,
    arguments_of,
    attributes_of,
    children_of,
    is_own,
    number_of,
)
from declare.emit.specialize.unit_library import Library
from declare.emit.specialize.units import Unit

_INDENT = "    "


class Writer:
    """Writes each class and function once, what is needed first."""

    def __init__(self, library: Library, pinned: set[str] | None = None) -> None:
        self.library = library
        self.pinned = {"forward"} | (pinned or set())
        """Names of methods that are called from outside."""
        self.names: dict[str, str] = {}
        """Key of a module -> its class, or the expression that makes it if it needs none."""
        self.texts: list[str] = []

    def module(self, module: Any, name: str | None = None) -> str:
        """Return the expression that makes a module, its class written before."""
        if isinstance(module, Container) and not is_own(module):
            return self._container(f"nn.{type(module).__name__}", module)
        if not is_own(module):
            return f"nn.{type(module).__name__}({self._arguments(*arguments_of(module))})"
        key = config_key(module)
        if key not in self.names:
            self._write_class(module, key, name or type(module).__name__)
        expression = self.names[key]
        return expression if "(" in expression else f"{expression}()"

    def _container(self, name: str, module: Container) -> str:
        """Return the expression of a list of modules."""
        children = children_of(module)
        keys = {config_key(child) for child in children}
        if len(keys) == 1 and len(children) > 1 and name.endswith("ModuleList"):
            return f"{name}({self.module(children[0])} for _ in range({len(children)}))"
        inner = ", ".join(map(self.module, children))
        return f"{name}([{inner}])" if name.endswith("ModuleList") else f"{name}({inner})"

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """Return the code of arguments."""
        keywords = [f"{name}={self._value(value)}" for name, value in kwargs.items()]
        return ", ".join([*map(self._value, args), *keywords])

    def _value(self, value: Any) -> str:
        """Return the expression of an argument or attribute."""
        if isinstance(value, Module):
            return self.module(value)
        if isinstance(value, (list, tuple)) and any(isinstance(item, Module) for item in value):
            return f"[{', '.join(map(self._value, value))}]"
        return value.source if isinstance(value, Expression) else repr(value)

    def _write_class(self, module: Module, key: str, name: str) -> None:
        """Write a class, or note that its base does the same."""
        for item in methods_of(module):
            if f"{key}.{item}" in self.library.units:
                finish(self.library.units[f"{key}.{item}"])
        methods = [function_tree(unit) for unit in self._units_of(module, key)]
        base = next(item for item in type(module).__mro__ if not item.__module__.startswith("declare.nn"))
        base_args = ""
        if base is not Module:
            args, kwargs = arguments_of(module)
            args = tuple(children_of(module)) if issubclass(base, Container) else args
            base_args = self._arguments(args, kwargs)
            if all(map(_only_calls_super, methods)):
                self.names[key] = f"nn.{base.__name__}({base_args})"
                return
        used = set(re.findall(r"self\.(\w+)", "\n".join(ast.unparse(method) for method in methods)))
        init = [f"super().__init__({base_args})", *self._assignments(module, used)]
        names = {*self.names.values(), *keyword.kwlist, *dir(builtins), "Model", "Tensor"}
        candidates = (name, *(f"{name}{number}" for number in range(2, 99)))
        self.names[key] = next(item for item in candidates if item not in names)
        lines = [
            f"class {self.names[key]}(nn.{base.__name__}):",
            f'{_INDENT}"""{_summary(type(module))}"""',
            "",
        ]
        if init != ["super().__init__()"]:
            lines += [f"{_INDENT}def __init__(self) -> None:", *(_INDENT * 2 + line for line in init), ""]
        for method in methods:
            text = ast.unparse(ast.fix_missing_locations(method))
            lines += [*(_INDENT + line for line in text.splitlines()), ""]
        self.texts.append("\n".join(lines))

    def _units_of(self, module: Module, key: str) -> list[Unit]:
        """Return the methods of a class that are called, in the order of their source."""
        keys = [f"{key}.{name}" for name in methods_of(module)]
        units = [self.library.units[item] for item in keys if item in self.library.units]
        texts = [ast.unparse(part) for unit in self.library.units.values() for part in unit.body]
        names = {unit.function.__name__ for unit in units}
        called = {name for name in names if name in self.pinned or any(f".{name}(" in text for text in texts)}
        return [unit for unit in units if unit.function.__name__ in called]

    def _assignments(self, module: Module, used: set[str]) -> Iterator[str]:
        """Yield the lines of `__init__`: attributes in order, initialisations between them."""
        times = module.__dict__["_set_at"]
        paths = {number_of(module): "self"}
        placed: dict[int, int] = {}
        """Of modules inside attributes: when these were set."""
        lines = [
            (0, f"self.register_parameter({name!r}, {self._value(value)})")
            for name, value in module.__dict__["_parameters"].items()
        ]
        for name, value in attributes_of(module).items():
            if isinstance(value, Module):
                inner = _paths(value, f"self.{name}")
                paths |= inner
                placed |= dict.fromkeys(inner, times[name])
                lines.append((times[name], f"self.{name} = {self.module(value)}"))
            elif isinstance(value, Buffer):
                text = f"self.register_buffer({name!r}, {self._value(value.value)}, persistent={value.persistent})"
                lines.append((times[name], text))
            elif isinstance(value, Expression) or name in used:
                lines.append((times[name], f"self.{name} = {self._value(value)}"))
        lines += _initialisations(paths, placed)
        yield from (text for _, text in sorted(lines, key=lambda line: line[0]))


def _initialisations(paths: dict[int, str], placed: dict[int, int]) -> Iterator[tuple[int, str]]:
    """Yield when which statements change tensors of some modules, not before these are placed."""
    for when, text in STATEMENTS:
        numbers = {int(number) for number in re.findall(r"<(\d+)>", text)}
        if numbers and numbers <= paths.keys():
            after = max(when, *(placed.get(number, 0) for number in numbers))
            yield after, re.sub(r"<(\d+)>", lambda match: paths[int(match[1])], text)


def _paths(module: Module, path: str) -> dict[int, str]:
    """Return the expressions of a module and of those that it holds, by their numbers."""
    paths = {number_of(module): path}
    if not is_own(module):
        for number, child in enumerate(children_of(module)):
            paths |= _paths(child, f"{path}[{number}]")
    return paths


def _only_calls_super(method: ast.FunctionDef) -> bool:
    names = [item.arg for item in method.args.args[1:]]
    call = f"return super().{method.name}({', '.join(names)})"
    return len(method.body) == 1 and ast.unparse(method.body[0]) == call


def _summary(owner: type) -> str:
    return (owner.__doc__ or "").strip().split("\n\n")[0]
