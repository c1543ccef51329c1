"""The description of a component, read from its class, for docs, `list` and `describe`."""

import ast
import importlib
import importlib.util
import inspect
import re
import types
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from declare.contract import kinds
from declare.contract.component import Component, Slot, plain
from declare.contract.duration import Duration
from declare.parsing import lookup


@dataclass(frozen=True)
class Parameter:
    """A parameter as people read it; `default` is a plain YAML value, None too if `required`."""

    name: str
    type: str
    required: bool
    default: Any
    description: str


@dataclass(frozen=True)
class ComponentPage:
    """What there is to know of a component: `shapes` are lines such as `image: image -> vector`."""

    kind: str
    name: str
    summary: str
    text: str
    parameters: tuple[Parameter, ...]
    takes: tuple[str, ...]
    trusted_only: bool


def summary(kind: str, name: str) -> str:
    """Return the first sentence of the description of a component with its own file, without importing it."""
    spec = importlib.util.find_spec(f"declare.components.{kind}")
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0]) / f"{name}.py"
    return first_sentence(ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "")


def contract_of(kind: str) -> tuple[Path, ast.ClassDef]:
    """Return the file of the contract that defines a kind, and its class there (`losses` -> `Loss`)."""
    for path in sorted(Path(next(iter(kinds.__path__))).glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and kind in {f"{node.name}s".lower(), f"{node.name}es".lower()}:
                return path, node
    raise LookupError(f"no class of the contract is the base of `{kind}`")


def kind_summary(kind: str) -> str:
    """Return what a kind of component is, from its class in the contract."""
    summary = first_sentence(ast.get_docstring(contract_of(kind)[1]) or "")
    return re.split(r"[;:.]", summary)[0] + "."


def first_sentence(text: str) -> str:
    """Return the first paragraph of a docstring on one line."""
    return " ".join(text.partition("\n\n")[0].split())


def component_page(kind: str, name: str) -> ComponentPage | None:
    """Return the description of a component, or None if there is none of that name."""
    cls = lookup.find(kind, name)
    if cls is None:
        return None
    is_own = name in lookup.own_names(kind)
    module = importlib.import_module(cls.__module__) if is_own else None
    # Some components are described in the file's docstring, others in the class's: the longer one counts.
    stories = (inspect.cleandoc(item.__doc__ or "") for item in (module, cls) if item is not None)
    text = max(stories, key=len)
    return ComponentPage(
        kind=kind,
        name=name,
        summary=first_sentence(text),
        text=text,
        parameters=tuple(_parameter(key, info) for key, info in _own_parameters_first(cls)),
        takes=cls.interface(),
        trusted_only=cls.trusted_only,
    )


def _own_parameters_first(cls: type[Component]) -> list[tuple[str, FieldInfo]]:
    """Return the parameters: a component's own first, then those that its whole kind has."""
    inherited = {
        name for parent in cls.__mro__[1:] if issubclass(parent, BaseModel) for name in parent.model_fields
    }
    items = list(cls.model_fields.items())
    return sorted(items, key=lambda item: (item[0] in inherited, not item[1].is_required()))


def _parameter(name: str, info: FieldInfo) -> Parameter:
    default = None if info.default is PydanticUndefined else plain(info.default)
    annotation: Any = info.annotation
    return Parameter(
        name=info.alias or name,
        type=annotated_text(annotation, info.metadata),
        required=info.is_required(),
        default=default,
        description=info.description or "",
    )


def annotated_text(annotation: Any, metadata: Sequence[Any]) -> str:
    """Return the type of a parameter in the words of a spec, components by their kind."""
    slots = [item for item in metadata if isinstance(item, Slot)]
    return _slot_text(annotation, slots[0].kind) if slots else type_text(annotation)


def _slot_text(annotation: Any, kind: str) -> str:
    one = f"component of {kind}"
    options = get_args(annotation) if get_origin(annotation) in {Union, types.UnionType} else (annotation,)
    texts = [type_text(item) for item in options if item in {str, type(None)}]
    many = any(get_origin(item) is list for item in options)
    single = any(isinstance(item, type) and issubclass(item, Component) for item in options)
    texts = [one] * single + [f"list of {one}"] * many + texts
    return " | ".join(texts)


_PLAIN = {
    int: "integer",
    float: "number",
    str: "text",
    bool: "true | false",
    type(None): "null",
    Duration: "duration",
    Path: "path",
    Any: "anything",
}


def type_text(annotation: Any) -> str:
    """Return an annotation in the words of a spec: `integer | list of integer`."""
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    compound = _COMPOUND.get(get_origin(annotation))
    if compound is not None:
        return compound(get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Component):
        return "component"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"block {annotation.__name__}"
    return getattr(annotation, "__name__", str(annotation))


def _union(arguments: Sequence[Any]) -> str:
    return " | ".join(dict.fromkeys(type_text(item) for item in arguments if item is not Ellipsis))


_COMPOUND: dict[Any, Callable[[Sequence[Any]], str]] = {
    typing.Annotated: lambda arguments: annotated_text(arguments[0], arguments[1:]),
    Literal: lambda arguments: " | ".join(str(item) for item in arguments),
    Union: _union,
    types.UnionType: _union,
    list: lambda arguments: f"list of {_union(arguments)}",
    tuple: lambda arguments: f"list of {_union(arguments)}",
    dict: lambda arguments: f"mapping of {type_text(arguments[0])} to {type_text(arguments[1])}",
}
