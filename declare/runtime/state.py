"""The state tree of a run: every part that must survive, with one way out and one way back.

A tree is nested dicts, lists and tuples over tensors and plain values. `encode` splits it into named tensors (for
safetensors) and a JSON skeleton that refers to them; `decode` puts it together again. Nothing is pickled.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from declare.contract.problem import Problem, ProblemError

Tree = dict[str, Any]


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
        tree._parts = self._parts | {name: part for name, part in parts.items() if part is not None}  # noqa: SLF001
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
            part.load_state_dict(tree[name])


def missing_parts(names: list[str]) -> Problem:
    """Return the finding that a checkpoint lacks parts of the state."""
    return Problem(
        "RES809",
        f"the checkpoint has no state of {', '.join(f'`{name}`' for name in names)}",
        notes=("a run that went on without it would not be the run that was stopped",),
        helps=("start anew from its weights: `init: [{from: run:PATH}]`",),
    )


class Randomness:
    """The global random generators, for code that draws from them (plugins, libraries)."""

    def __init__(self, seed: int) -> None:
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002 - libraries draw from the global generator
        torch.manual_seed(seed)

    def state_dict(self) -> Tree:
        """Return the states of Python's, numpy's and torch's generators."""
        name, keys, *rest = np.random.get_state()  # noqa: NPY002
        state: Tree = {
            "python": random.getstate(),
            "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest],
            "torch": torch.get_rng_state(),
        }
        if torch.cuda.is_available():
            state["cuda"] = [item.cpu() for item in torch.cuda.get_rng_state_all()]
        return state

    def load_state_dict(self, state: Tree) -> None:
        """Put the generators where they were."""
        random.setstate(state["python"])
        name, keys, *rest = state["numpy"]
        np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
        torch.set_rng_state(state["torch"])
        if "cuda" in state and len(state["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(state["cuda"])


def encode(tree: Any) -> tuple[dict[str, Tensor], Any]:
    """Return (tensors by path, JSON skeleton) of a tree; tensors are detached and on the CPU."""
    tensors: dict[str, Tensor] = {}
    return tensors, _encode(tree, "", tensors)


def _encode(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        tensors[path] = value.detach().cpu()
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
    match skeleton.get("$"):
        case None:
            return {key: decode(item, tensors) for key, item in skeleton.items()}
        case "tensor":
            if skeleton["name"] not in tensors:
                raise ProblemError(missing_parts([skeleton["name"]]))
            return tensors[skeleton["name"]]
        case "map":
            return {key: decode(item, tensors) for key, item in skeleton["items"]}
        case "tuple":
            return tuple(decode(item, tensors) for item in skeleton["items"])
        case _:
            return float(skeleton["value"])
