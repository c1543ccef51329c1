"""Writes what one generated file defines: each thing once, what is needed first, with its imports."""

import ast
import builtins
import inspect
import re
import textwrap
import types
from collections.abc import Iterable
from typing import Any

from declare.contract.code import NotWrittenError
from declare.emit.specialize.finish import finish, function_tree, inline
from declare.emit.specialize.recording import REPLACED_LIBRARIES, Expression
from declare.emit.specialize.unit_library import Library
from declare.emit.specialize.units import Unit
from declare.emit.text.printing import format_code, unparse

_MARKER = re.compile(r"_unit(\d+)_")
_ANNOTATIONS = {
    "Fields": ("from torch import Tensor", "dict[str, Tensor]"),
    "Array": ("import numpy as np", "np.ndarray"),
    "Generator": ("import numpy as np", "np.random.Generator"),
}
"""Names of types that our own code uses: the import, and what replaces them."""
_STANDARD = {
    "Tensor": "from torch import Tensor",
    "nn": "from torch import nn",
    "functional": "from torch.nn import functional",
    "torch": "import torch",
    "np": "import numpy as np",
}


class Definitions:
    """What one file defines. Text that refers to a unit holds its marker until `text` is asked for."""

    def __init__(self, library: Library, reserved: Iterable[str] = ()) -> None:
        self.library = library
        self.reserved = set(reserved)
        self.names: dict[str, str] = {}
        """Marker -> name."""
        self.preferred_names: dict[str, tuple[str, str]] = {}
        """Marker -> name and summary that a function gets if it is written."""
        self.blocks: list[str] = []
        self.constants: list[str] = []
        self.imports: set[str] = set()
        self._written: set[str] = set()

    def name(self, unit: Unit, name: str, summary: str = "") -> Unit:
        """Give a function a name, for where it is written; return it."""
        self.preferred_names.setdefault(unit.marker, (name, summary))
        return unit

    def function(self, unit: Unit, name: str = "", summary: str = "") -> str:
        """Write a function before what follows; return its name."""
        finish(unit)
        if unit.marker in self.names:
            return self.names[unit.marker]
        if unit.owner is not None and unit.uses_self and not unit.is_method:
            raise NotWrittenError(f"`{unit.function.__qualname__}`, which depends on more than numbers")
        name, summary = self.preferred_names.get(unit.marker, (name, summary))
        tree = function_tree(unit)
        tree.name = self._free_name(name or unit.function.__name__.strip("_"))
        self.names[unit.marker] = tree.name
        doc = summary or _summary(unit.function)
        if doc:
            tree.body = [ast.Expr(ast.Constant(doc)), *tree.body]
        self.add(unparse(tree), unit.scope)
        return tree.name

    def call(self, unit: Unit, *arguments: str) -> str:
        """Return the code of a call: the expression itself if that is short."""
        finish(unit)
        names = unit.all_parameters
        bound = {name: ast.parse(text, mode="eval").body for name, text in zip(names, arguments, strict=True)}
        inlined = None if unit.uses_self else inline(unit, bound)
        if inlined is not None:
            return unparse(inlined)
        remaining = unit.remaining_parameters
        texts = [text for name, text in zip(names, arguments, strict=True) if name in remaining]
        return f"{unit.marker}({', '.join(texts)})"

    def reference(self, unit: Unit) -> str:
        """Return the name of a function, which is written before."""
        finish(unit)
        return unit.marker

    def resolved_markers(self, text: str) -> str:
        """Return code with the names of functions, which are written before."""
        for number in dict.fromkeys(_MARKER.findall(text)):
            self.function(self.library.by_number[int(number)])
        return _MARKER.sub(lambda match: self.names[match[0]], text)

    def know(self, *names: str) -> None:
        """Take names as defined."""
        self._written |= {*names}

    def add(self, text: str, scope: dict[str, Any] | None = None) -> None:
        """Add a definition or statement, after all that it refers to."""
        self.blocks.append(self._with_names(text, scope))

    def _with_names(self, text: str, scope: dict[str, Any] | None = None) -> str:
        """Return code with names in the place of markers; what it refers to is written before."""
        text = self.resolved_markers(text)
        return self._with_globals(text, self.library.scope | (scope or {}))

    def _with_globals(self, text: str, scope: dict[str, Any]) -> str:
        """Return code with annotations of torch and numpy; what its free names stand for is written or imported."""
        for name in _free_names(ast.parse(text)):
            if name in self._written or name in self.names.values() or hasattr(builtins, name):
                continue
            if name in _ANNOTATIONS:
                line, shown = _ANNOTATIONS[name]
                self.imports.add(line)
                text = re.sub(rf"\b{name}\b", shown, text)
            elif name in _STANDARD:
                self.imports.add(_STANDARD[name])
            elif name in scope:
                self._global(name, scope[name])
        return text

    def _global(self, name: str, value: Any) -> None:
        """Import what a name stands for, or write its definition."""
        self._written.add(name)
        home = getattr(value, "__module__", "") or ""
        is_library = home.partition(".")[0] not in {"", "declare", *REPLACED_LIBRARIES}
        if isinstance(value, types.ModuleType):
            self.imports.add(_import_line(name, value.__name__))
        elif isinstance(value, type) and home.startswith("declare."):
            self.add(_class_source(value), vars(inspect.getmodule(value)))
        elif is_library and hasattr(value, "__name__"):
            line = f"from {home.lstrip('_')} import {value.__name__}"
            self.imports.add(self.library.import_lines.get(name, line))
        else:
            assert not isinstance(value, types.FunctionType), name
            self.constants.append(f"{name} = {_constant_source(value)}")
            self._with_globals(self.constants[-1], {})

    def text(self, title: str) -> str:
        """Return the whole file."""
        tensors = [f"{name} = {self._with_names(source)}" for name, source in self.library.constants.items()]
        constants = [*self.constants, *tensors]
        head = [f'"""{title}"""', "\n".join(sorted(self.imports)), "\n".join(constants)]
        return format_code("\n\n\n".join([*filter(None, head), *self.blocks]))

    def _free_name(self, name: str) -> str:
        """Return a name that nothing else in the file has."""
        names = {*self.names.values(), *self.reserved, *self.library.local_names, *_STANDARD}
        for candidate in (name, f"{name}_of", *(f"{name}_{number}" for number in range(2, 99))):
            if candidate not in names:
                return candidate
        raise AssertionError(name)


def _import_line(name: str, module: str) -> str:
    """Return the import that gives a module a name."""
    parent, _, last = module.rpartition(".")
    if parent and last == name:
        return f"from {parent} import {last}"
    return f"import {module}" if module == name else f"import {module} as {name}"


def _constant_source(value: Any) -> str:
    if isinstance(value, slice):
        return f"slice({value.start}, {value.stop})"
    return value.source if isinstance(value, Expression) else repr(value)


def _class_source(owner: type) -> str:
    tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
    return unparse(tree)


def _summary(function: Any) -> str:
    """Return the first sentence of a docstring, up to a semicolon."""
    text = (inspect.getdoc(function) or "").partition("\n\n")[0].partition("; ")[0]
    return text.replace("\n", " ").rstrip(".") + "." if text else ""


def _free_names(tree: ast.AST) -> list[str]:
    """Return the names that code reads and does not bind itself, those in quoted annotations included."""
    nodes = [*ast.walk(tree)]
    bound = {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    bound |= {node.name for node in nodes if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    names = [node.id for node in nodes if isinstance(node, ast.Name)]
    return [name for name in dict.fromkeys(names) if name not in bound]
