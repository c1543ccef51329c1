"""Looks up what belongs to a module that was recorded, or to another object of this program."""

import types
from typing import Any

from declare.contract.duration import Duration
from declare.emit.specialize.abstract_values import (
    UNKNOWN,
    Const,
    Instance,
    Items,
    NotNone,
    OneOf,
    Tensor,
    Value,
    merge,
)
from declare.emit.specialize.recording import (
    Buffer,
    Container,
    Expression,
    Module,
    arguments_of,
    attributes_of,
    children_of,
    is_own,
)
from declare.emit.specialize.syntax_trees import LITERALS

_ROOMS = ("declare.nn", "declare.components", "declare.contract.kinds")
"""Where classes come from whose methods are specialised."""


def config_key(owner: Any) -> str:
    """Return a text that two objects share when the same code is right for both."""
    parts = []
    for name, value in attributes_of(owner).items():
        if isinstance(value, Module):
            is_list = isinstance(value, Container)
            text = ",".join(map(config_key, children_of(value))) if is_list else config_key(value)
            parts.append(f"{name}:{type(value).__name__}({text})")
        else:
            parts.append(f"{name}={_argument_key(value)}")
    parameters = owner.__dict__.get("_parameters", {})
    parts += [f"{name}:{_argument_key(value)}" for name, value in parameters.items()]
    args, kwargs = arguments_of(owner)
    inner = [_argument_key(item) for item in args]
    inner += [f"{name}={_argument_key(item)}" for name, item in kwargs.items()]
    kind = f"{type(owner).__module__}.{type(owner).__qualname__}{owner.__dict__.get('_used_as', '')}"
    return f"{kind}[{';'.join(parts)}|{';'.join(inner)}]"


def _argument_key(value: Any) -> str:
    if isinstance(value, Module):
        return config_key(value)
    if isinstance(value, Buffer):
        return f"{_argument_key(value.value)} persistent={value.persistent}"
    return value.source if isinstance(value, Expression) else repr(value)


def is_function(value: Any) -> bool:
    """Return whether a value is a function of this program."""
    return isinstance(value, types.FunctionType) and value.__module__.startswith("declare.")


def methods_of(owner: Any) -> dict[str, types.FunctionType]:
    """Return the methods of an object that are of this program, by name."""
    methods: dict[str, types.FunctionType] = {}
    for base in reversed(type(owner).__mro__):
        if base.__module__.startswith(_ROOMS):
            functions = {
                name: item for name, item in vars(base).items() if isinstance(item, types.FunctionType)
            }
            methods |= functions
    return methods


def inherited_method(owner: Any, home: str, name: str) -> tuple[type, types.FunctionType] | None:
    """Return what `super().NAME` is in a method of the class `home`, and its class; None if it is a library's."""
    mro = type(owner).__mro__
    place = next(number for number, base in enumerate(mro) if base.__qualname__ == home)
    base = next((base for base in mro[place + 1 :] if name in vars(base)), None)
    return (base, vars(base)[name]) if base is not None and base.__module__.startswith(_ROOMS) else None


def tensor_source(owner: Any, name: str) -> str | None:
    """Return the code of an attribute that is a tensor."""
    value = attributes_of(owner).get(name)
    value = value.value if isinstance(value, Buffer) else value
    return value.source if isinstance(value, Expression) else None


def attribute_value(owner: Any, name: str) -> Value:
    """Return what is known of an attribute."""
    attributes = attributes_of(owner)
    if name not in attributes:
        return UNKNOWN
    value = attributes[name]
    if is_own(value) or isinstance(value, Module):
        return Instance(value, config_key(value))
    if isinstance(value, (*LITERALS, list, tuple, dict, Duration)) or is_function(value):
        return Const(value)
    return Tensor() if isinstance(value, (Expression, Buffer)) else NotNone()


def element_value(items: Value) -> Value:
    """Return what is known of each value that iterating gives."""
    if isinstance(items, Instance) and isinstance(items.record, Container):
        children = children_of(items.record)
        keys = tuple(map(config_key, children))
        return Instance(children[0], keys[0]) if len(set(keys)) == 1 else OneOf(tuple(children), keys)
    if isinstance(items, Items) and items.items:
        value = items.items[0]
        for item in items.items[1:]:
            value = merge(value, item)
        return value
    return UNKNOWN
