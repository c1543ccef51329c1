"""A tree of state as named tensors and a JSON skeleton that refers to them, and back.

A tree is nested dicts, lists and tuples over tensors, dtypes and plain values. What is nothing of these cannot be
saved without pickling it.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


class MissingTensorError(LookupError):
    """Raised if a skeleton names a tensor that is not there."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def encode(tree: Any, *, copy: bool = False) -> tuple[dict[str, Tensor], Any]:
    """Return (tensors by path, JSON skeleton) of a tree; tensors are detached and on the CPU.

    Raises TypeError for a value that no checkpoint can hold. With `copy` none of the tensors shares memory with the
    tree, which may then change.
    """
    tensors, skeleton = named_tensors(tree)
    return {name: tensor.to("cpu", copy=copy) for name, tensor in tensors.items()}, skeleton


def named_tensors(tree: Any) -> tuple[dict[str, Tensor], Any]:
    """Return the same with the tensors if they are."""
    tensors: dict[str, Tensor] = {}
    skeleton = _encode(tree, "", tensors)
    return tensors, skeleton


def _encode(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        while path in tensors:  # keys may hold a slash themselves
            path += "+"
        tensors[path] = value.detach()
        return {"$": "tensor", "name": path}
    if isinstance(value, Mapping):
        items = [
            (key, _encode(item, f"{path}/{key}" if path else str(key), tensors))
            for key, item in value.items()
        ]
        if all(isinstance(key, str) and key != "$" for key, _ in items):
            return dict(items)
        return {"$": "map", "items": [list(item) for item in items]}
    if isinstance(value, list | tuple):
        encoded = [_encode(item, f"{path}/{index}", tensors) for index, item in enumerate(value)]
        return encoded if isinstance(value, list) else {"$": "tuple", "items": encoded}
    return _encode_scalar(value, path)


def _encode_scalar(value: Any, path: str) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, torch.dtype):
        return {"$": "dtype", "value": str(value).removeprefix("torch.")}
    if isinstance(value, float) and not math.isfinite(value):
        return {"$": "float", "value": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"the state at {path} is a {type(value).__name__}, which checkpoints cannot store")


def decode(skeleton: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Return the tree of a skeleton; raises `MissingTensorError` if a tensor is missing."""
    if isinstance(skeleton, list):
        return [decode(item, tensors) for item in skeleton]
    if not isinstance(skeleton, dict):
        return skeleton
    kind = skeleton.get("$")
    if kind is None:
        return {key: decode(item, tensors) for key, item in skeleton.items()}
    return _DECODERS[kind](skeleton, tensors)


def _decode_tensor(skeleton: dict[str, Any], tensors: Mapping[str, Tensor]) -> Tensor:
    if skeleton["name"] not in tensors:
        raise MissingTensorError(skeleton["name"])
    return tensors[skeleton["name"]]


def _decode_map(skeleton: dict[str, Any], tensors: Mapping[str, Tensor]) -> dict[Any, Any]:
    return {key: decode(item, tensors) for key, item in skeleton["items"]}


def _decode_tuple(skeleton: dict[str, Any], tensors: Mapping[str, Tensor]) -> tuple[Any, ...]:
    return tuple(decode(item, tensors) for item in skeleton["items"])


def _decode_float(skeleton: dict[str, Any], _: Mapping[str, Tensor]) -> float:
    return float(skeleton["value"])


def _decode_dtype(skeleton: dict[str, Any], _: Mapping[str, Tensor]) -> torch.dtype:
    dtype = getattr(torch, skeleton["value"], None)
    if not isinstance(dtype, torch.dtype):
        raise TypeError(f"`{skeleton['value']}` is not a dtype")
    return dtype


_DECODERS: dict[str, Callable[[dict[str, Any], Mapping[str, Tensor]], Any]] = {
    "tensor": _decode_tensor,
    "map": _decode_map,
    "tuple": _decode_tuple,
    "float": _decode_float,
    "dtype": _decode_dtype,
}
