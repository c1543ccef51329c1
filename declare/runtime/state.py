"""The state tree of a run: every part that must survive, with one way out and one way back.

A tree is nested dicts, lists and tuples over tensors and plain values. `encode` splits it into named
tensors (for safetensors) and a JSON skeleton that refers to them; `decode` puts it together again. Nothing
is pickled.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from declare.contract.problem import Problem, ProblemError
from declare.nn.distributed.world import ALONE, World

Tree = dict[str, Any]
ORIGIN = "origin"
"""A further key of a tree: the manifest of the checkpoint that it came from."""


class Stateful(Protocol):
    """A part of the run with state."""

    def state_dict(self) -> Any:
        """Return the state as a tree."""
        ...

    def load_state_dict(self, state: Any) -> Any:
        """Take over a state that `state_dict` returned."""
        ...


class StateTree:
    """The parts of a run by name; saves all of them and refuses to load fewer."""

    def __init__(self) -> None:
        self._parts: dict[str, Stateful] = {}

    def __setitem__(self, name: str, part: Stateful) -> None:
        self._parts[name] = part

    def extended(self, **parts: Stateful | None) -> StateTree:
        """Return a tree with more parts; those that are None are not in use and have no state."""
        tree = StateTree()
        tree._parts = self._parts | {name: part for name, part in parts.items() if part is not None}
        return tree

    def capture(self) -> Tree:
        """Return the state of every part."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def restore(self, tree: Tree) -> None:
        """Give every part its state back; raises `ProblemError` (RES809) that names a missing part."""
        missing = [name for name in self._parts if name not in tree]
        if missing:
            raise ProblemError(missing_parts(missing))
        for name, part in self._parts.items():
            _load(name, part, tree[name])


def _load(name: str, part: Any, state: Any) -> None:
    """Give a part its state; raises `ProblemError` (RES806) where the state was made for another one.

    Of an optimizer only what it has gathered is taken over: its settings are the plan's.
    """
    settings = [dict(group) for group in getattr(part, "param_groups", ())]
    try:
        part.load_state_dict(state)
    except (RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ProblemError(does_not_fit(name, error)) from error
    for group, kept in zip(getattr(part, "param_groups", ()), settings, strict=True):
        group.update({key: value for key, value in kept.items() if key != "params"})


def does_not_fit(name: str, error: Exception) -> Problem:
    """Return the finding that a part of a saved state is not that of the plan."""
    return Problem(
        "RES806",
        f"the run cannot be continued: the saved `{name}` does not fit the plan",
        notes=tuple(str(error).splitlines()[:4]),
        helps=(
            "continue with the spec, and the version of the program, that it was saved with",
            "or start anew from its weights: `init: [{from: run:PATH}]`",
        ),
    )


def missing_parts(names: list[str]) -> Problem:
    """Return the finding that a checkpoint lacks parts of the state."""
    return Problem(
        "RES809",
        f"the checkpoint has no state of {', '.join(f'`{name}`' for name in names)}",
        notes=("a run that went on without it would not be the run that was stopped",),
        helps=("start anew from its weights: `init: [{from: run:PATH}]`",),
    )


class Randomness:
    """The global random generators of every process, for code that draws from them (plugins, libraries)."""

    def __init__(self, seed: int, world: World = ALONE) -> None:
        self._world = world
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002 - libraries draw from the global generator
        torch.manual_seed(seed)

    def state_dict(self) -> Tree:
        """Return the states of Python's, numpy's and torch's generators: the leading process's, then the others'."""
        first, *others = self._world.gathered(_drawn())
        return first | ({"others": others} if others else {})

    def load_state_dict(self, state: Tree) -> None:
        """Put the generators where they were; a process that was not there takes those of one that was."""
        states = [state, *state.get("others", [])]
        mine = states[self._world.rank % len(states)]
        random.setstate(mine["python"])
        name, keys, *rest = mine["numpy"]
        np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
        torch.set_rng_state(mine["torch"])
        if "cuda" in mine and torch.cuda.is_available():
            torch.cuda.set_rng_state(mine["cuda"])


def _drawn() -> Tree:
    """Return the states of this process's generators, on a GPU those of its own device."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    state: Tree = {
        "python": random.getstate(),
        "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest],
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state()
    return state


def encode(tree: Any, *, copy: bool = False) -> tuple[dict[str, Tensor], Any]:
    """Return (tensors by path, JSON skeleton) of a tree; tensors are detached and on the CPU.

    With `copy` none of them shares memory with the tree, which may then change.
    """
    found, skeleton = named(tree)
    return {name: tensor.to("cpu", copy=copy) for name, tensor in found.items()}, skeleton


def named(tree: Any) -> tuple[dict[str, Tensor], Any]:
    """Return the same with the tensors where they are."""
    found: dict[str, Tensor] = {}
    skeleton = _encode(tree, "", found)
    return found, skeleton


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
    if isinstance(value, float) and not math.isfinite(value):
        return {"$": "float", "value": repr(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"the state at {path} is a {type(value).__name__}, which no checkpoint can hold")


def decode(skeleton: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Return the tree of a skeleton; raises `ProblemError` (RES809) where a tensor is missing."""
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
        raise ProblemError(missing_parts([skeleton["name"]]))
    return tensors[skeleton["name"]]


def _decode_map(skeleton: dict[str, Any], tensors: Mapping[str, Tensor]) -> dict[Any, Any]:
    return {key: decode(item, tensors) for key, item in skeleton["items"]}


def _decode_tuple(skeleton: dict[str, Any], tensors: Mapping[str, Tensor]) -> tuple[Any, ...]:
    return tuple(decode(item, tensors) for item in skeleton["items"])


def _decode_float(skeleton: dict[str, Any], _: Mapping[str, Tensor]) -> float:
    return float(skeleton["value"])


_DECODERS: dict[str, Callable[[dict[str, Any], Mapping[str, Tensor]], Any]] = {
    "tensor": _decode_tensor,
    "map": _decode_map,
    "tuple": _decode_tuple,
    "float": _decode_float,
}
