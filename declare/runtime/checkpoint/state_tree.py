"""The state tree of a run: every part that must survive, with one way out and one way back.

A tree is nested dicts, lists and tuples over tensors and plain values, as `declare.nn.state_tree` splits it into
tensors and JSON. Nothing is pickled.
"""

import random
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from declare import __version__
from declare.contract.problem import Problem, ProblemError
from declare.nn import state_tree
from declare.nn.distributed.process_group import SINGLE_PROCESS, ProcessGroup

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

    def with_parts(self, **parts: Stateful | None) -> "StateTree":
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
            raise ProblemError(missing_parts(missing, tree.get(ORIGIN, {}).get("declare")))
        for name, part in self._parts.items():
            _load(name, part, tree[name])


def _load(name: str, part: Any, state: Any) -> None:
    """Give a part its state; raises `ProblemError` (RES806) if the state was made for another one.

    Of an optimizer only what it has gathered is taken over: its settings are the plan's.
    """
    settings = [dict(group) for group in getattr(part, "param_groups", ())]
    try:
        part.load_state_dict(state)
    except (RuntimeError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ProblemError(does_not_fit(name, error)) from error
    for group, plan_settings in zip(getattr(part, "param_groups", ()), settings, strict=True):
        group.update({key: value for key, value in plan_settings.items() if key != "params"})


def does_not_fit(name: str, error: Exception) -> Problem:
    """Return the finding that a part of a saved state is not that of the plan."""
    return Problem(
        "RES806",
        f"the run cannot be continued: the saved `{name}` does not fit the plan",
        notes=tuple(str(error).splitlines()[:4]),
        helps=(
            "continue with the spec, and the version of the program, that it was saved with",
            "or start a new run from its weights: `init: [{from: run:PATH}]`",
        ),
    )


def missing_parts(names: list[str], version: str | None = None) -> Problem:
    """Return the finding that a checkpoint lacks parts of the state; `version` of the program has saved it."""
    is_other_version = version not in {None, __version__}
    version_note = (
        (f"declare {version} saved it, this is declare {__version__}, which keeps more",)
        if is_other_version
        else ()
    )
    return Problem(
        "RES809",
        f"the checkpoint has no state of {', '.join(f'`{name}`' for name in names)}",
        notes=(*version_note, "a run that went on without it would not be the run that was stopped"),
        helps=(
            *((f"continue it with declare {version}",) if is_other_version else ()),
            "start a new run from its weights: `init: [{from: run:PATH}]`",
        ),
    )


class Randomness:
    """The global random generators of every process, for code that draws from them (plugins, libraries)."""

    def __init__(self, seed: int, world: ProcessGroup = SINGLE_PROCESS) -> None:
        self._world = world
        random.seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002 - libraries draw from the global generator
        torch.manual_seed(seed)

    def state_dict(self) -> Tree:
        """Return the states of Python's, numpy's and torch's generators: the leading process's, then the others'."""
        first, *other_ranks = self._world.all_gather_object(self.snapshot())
        return first | ({"others": other_ranks} if other_ranks else {})

    def load_state_dict(self, state: Tree) -> None:
        """Put the generators where they were; a process that was not there takes those of one that was."""
        states = [state, *state.get("others", [])]
        self.restore(states[self._world.rank % len(states)])

    @staticmethod
    def snapshot() -> Tree:
        """Return the states of this process's generators, on a GPU those of its device."""
        name, keys, *rest = np.random.get_state()  # noqa: NPY002
        state: Tree = {
            "python": random.getstate(),
            "numpy": [name, torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest],
            "torch": torch.get_rng_state(),
        }
        if torch.cuda.is_available():
            state["cuda"] = torch.cuda.get_rng_state()
        return state

    @staticmethod
    def restore(mine: Tree) -> None:
        """Put this process's generators where `snapshot` found them."""
        random.setstate(mine["python"])
        name, keys, *rest = mine["numpy"]
        np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
        torch.set_rng_state(mine["torch"])
        if "cuda" in mine and torch.cuda.is_available():
            torch.cuda.set_rng_state(mine["cuda"])


def decode(skeleton: Any, tensors: Mapping[str, Tensor]) -> Any:
    """Return the tree of a skeleton; raises `ProblemError` (RES809) if a tensor is missing."""
    try:
        return state_tree.decode(skeleton, tensors)
    except state_tree.MissingTensorError as error:
        raise ProblemError(missing_parts([error.name])) from None
