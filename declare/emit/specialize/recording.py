"""Records how modules are made: replacements for torch, with which `build` of a component runs without torch.

Only for its own process: they take the place of torch in `sys.modules`.
"""

import importlib.abc
import importlib.machinery
import inspect
import itertools
import sys
import types
from collections.abc import Callable, Iterator, Mapping, MutableSequence, Sequence
from typing import Any

REPLACED_LIBRARIES = ("torch", "torchvision", "timm", "transformers", "safetensors")
_CREATED = itertools.count()
STATEMENTS: list[tuple[int, str]] = []
"""(when, what) of calls that change a tensor in place (initialisations); `<7>.weight` is one of module 7."""


class Expression:
    """A value that only torch knows, as source text; what is done to it is written down."""

    def __init__(self, source: str) -> None:
        self.source = source

    def __getattr__(self, name: str) -> "Expression":
        if name.startswith("__"):
            raise AttributeError(name)
        return Expression(f"{self.source}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> "Expression":
        """Write a call down; one whose name ends in `_` changes a tensor, and is a statement too."""
        source = call_source(self.source, args, kwargs)
        if self.source.rpartition(".")[2].endswith("_"):
            STATEMENTS.append((next(_CREATED), source))
        return Expression(source)

    def __getitem__(self, key: object) -> "Expression":
        return Expression(f"{self.source}[{source_of(key)}]")

    def __neg__(self) -> "Expression":
        return Expression(f"-{self.source}")


def _operator(symbol: str, *, swapped: bool = False) -> Callable[[Expression, Any], Expression]:
    def apply(self: Expression, other: Any) -> Expression:
        left, right = (other, self) if swapped else (self, other)
        return Expression(f"({source_of(left)} {symbol} {source_of(right)})")

    return apply


for _name, _symbol in {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "pow": "**", "matmul": "@",
    "lt": "<", "gt": ">", "le": "<=", "ge": ">=",
}.items():  # fmt: skip
    setattr(Expression, f"__{_name}__", _operator(_symbol))
    if _name not in {"lt", "gt", "le", "ge"}:
        setattr(Expression, f"__r{_name}__", _operator(_symbol, swapped=True))


class Module:
    """Replaces `torch.nn.Module`: keeps its arguments, its attributes in order, and when it was made."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        state = self.__dict__
        state.setdefault("_attributes", {})
        state.setdefault("_set_at", {})
        state["_parameters"] = {}
        state["_arguments"] = (args, kwargs)
        state["_created"] = next(_CREATED)

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__.setdefault("_attributes", {})[name] = value
        self.__dict__.setdefault("_set_at", {})[name] = next(_CREATED)

    def __getattr__(self, name: str) -> Any:
        attributes = self.__dict__.get("_attributes", {})
        if name in attributes:
            return attributes[name]
        if name.startswith("__"):
            raise AttributeError(name)
        return Expression(f"<{self.__dict__['_created']}>.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> "Expression":
        """Modules are only made here, never called."""
        raise NotImplementedError

    def register_buffer(self, name: str, value: Any, persistent: bool = True) -> None:
        """Keep a buffer."""
        setattr(self, name, None if value is None else Buffer(value, persistent))


class Buffer:
    """A registered buffer."""

    def __init__(self, value: Any, persistent: bool) -> None:
        self.value, self.persistent = value, persistent


class Container(Module):
    """Replaces `Sequential` and `ModuleList`."""

    def __init__(self, *args: Any) -> None:
        children = list(args[0]) if len(args) == 1 and not isinstance(args[0], Module) else list(args)
        super().__init__(*children)
        self.__dict__["_children"] = children

    def __iter__(self) -> Iterator[Module]:
        return iter(children_of(self))

    def __len__(self) -> int:
        return len(children_of(self))

    def __getitem__(self, index: int) -> Module:
        return children_of(self)[index]


class _Anything(type):
    """A class of which every attribute exists."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Expression(f"torch.{cls.__name__}.{name}")

    def __getitem__(cls, key: Any) -> Any:
        return cls

    def __or__(cls, other: Any) -> Any:
        return Any

    __ror__ = __or__


class _Library(types.ModuleType):
    """A module of which every attribute exists."""

    __path__: MutableSequence[str] = []  # noqa: RUF012 - what makes it a package

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value: Any
        if name in {"Sequential", "ModuleList"}:
            value = type(name, (Container,), {})
        elif name == "Module":
            value = Module
        elif name in {"nn", "functional", "utils", "distributed", "fx", "autograd", "overrides", "amp"}:
            value = importlib.import_module(f"{self.__name__}.{name}")
        elif name[0].isupper() and self.__name__.startswith("torch.nn") and name != "Parameter":
            value = type(name, (Module,), {})
        elif name[0].isupper() and name != "Parameter":
            value = _Anything(name, (), {})
        else:
            short = {"torch.nn": "nn", "torch.nn.functional": "functional"}.get(self.__name__, self.__name__)
            value = Expression(f"{short}.{name}")
        setattr(self, name, value)
        return value


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the replacements to imports."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        if name.partition(".")[0] in REPLACED_LIBRARIES:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _Library(spec.name)

    def exec_module(self, module: types.ModuleType) -> None: ...


def install() -> None:
    """Put the replacements in the place of torch; once, before anything imports it."""
    assert "torch" not in sys.modules
    sys.meta_path.insert(0, _Finder())


def is_own(value: Any) -> bool:
    """Return whether a module's class is one of this program, whose code is written out."""
    return type(value).__module__.startswith(("declare.nn.", "declare.components.")) and not isinstance(
        value, type
    )


def attributes_of(owner: Any) -> dict[str, Any]:
    """Return the attributes of a module that was recorded, or of any other object."""
    attributes: dict[str, Any] = owner.__dict__["_attributes"] if isinstance(owner, Module) else vars(owner)
    return attributes


def arguments_of(owner: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments that a recorded module was made with; none of any other object."""
    arguments: tuple[tuple[Any, ...], dict[str, Any]] = owner.__dict__.get("_arguments", ((), {}))
    return arguments


def children_of(module: Module) -> list[Module]:
    """Return the modules that a container holds; none of any other module."""
    children: list[Module] = module.__dict__.get("_children", [])
    return children


def number_of(module: Module) -> int:
    """Return the number that stands for a module in sources: when it was made."""
    number: int = module.__dict__["_created"]
    return number


def call_source(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """Return the source text of a call."""
    parts = [*map(source_of, args), *(f"{key}={source_of(value)}" for key, value in kwargs.items())]
    return f"{name}({', '.join(parts)})"


def source_of(value: Any) -> str:
    """Return the source text of a value."""
    if isinstance(value, Expression):
        return value.source
    if isinstance(value, Module):
        return call_source(f"nn.{type(value).__name__}", *arguments_of(value))
    if isinstance(value, (list, tuple)):
        inner = ", ".join(map(source_of, value))
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' * (len(value) == 1)})"
    if inspect.isclass(value):
        return value.__name__
    return repr(value)
