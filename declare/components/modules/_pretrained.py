"""Weights that a library's model starts from: the library's own, or a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from declare.contract.problem import Problem, ProblemError

if TYPE_CHECKING:
    from torch import Tensor, nn


def fetch(library: str, name: str, make: Callable[[], nn.Module]) -> nn.Module:
    """Return the model that `make` builds with the library's weights; raises `ProblemError` (RES840) else."""
    try:
        return make()
    except Exception as error:  # network, hub and cache fail in many ways, none of them ours
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        helps = (
            "connect once so that the weights are cached, or give their file: `pretrained: PATH`",
            "or train from scratch: `pretrained: false`",
        )
        title = f"{library} cannot get its weights of `{name}`"
        problem = Problem(
            "RES840", title, at="pretrained", notes=(f"{library} says: {first[:200]}",), helps=helps
        )
        raise ProblemError(problem) from error


def start(module: nn.Module, pretrained: bool | Path) -> nn.Module:
    """Return `module`, with the weights in the file that `pretrained` names, if it names one."""
    if isinstance(pretrained, Path):
        load(module, pretrained)
    return module


def load(module: nn.Module, path: Path) -> None:
    """Load the weights in a file (.safetensors, or .pt read without executing anything) into `module`.

    The file may hold a classifier, which is left out. Raises `ProblemError` (RES840) for a file that cannot
    be read or that does not hold all of the module's weights.
    """
    own = module.state_dict()
    weights = {name.removeprefix("module."): value for name, value in _read(path).items()}
    missing = [name for name in own if name not in weights]
    reshaped = [name for name in own if name in weights and weights[name].shape != own[name].shape]
    if missing or reshaped:
        count, first = len(missing) + len(reshaped), (missing + reshaped)[0]
        title = f"{path.name} lacks {count} of {len(own)} weights of the model in their shape"
        notes = (f"the first is `{first}`",)
        raise ProblemError(
            Problem(
                "RES840", title, at="pretrained", notes=notes, helps=("give the weights of this very model",)
            )
        )
    module.load_state_dict({name: weights[name] for name in own})


def _read(path: Path) -> Mapping[str, Tensor]:
    import torch

    from declare.nn.files import UnreadableError, read_tensors

    try:
        content: Any = read_tensors(path)
    except (OSError, UnreadableError) as error:
        title = f"no weights can be read from {path}"
        helps = ("give a .safetensors file, or a .pt file that holds tensors alone",)
        problem = Problem("RES840", title, at="pretrained", notes=(str(error)[:200],), helps=helps)
        raise ProblemError(problem) from error
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    named = content.items() if isinstance(content, dict) else ()
    return {str(name): value for name, value in named if isinstance(value, torch.Tensor)}
