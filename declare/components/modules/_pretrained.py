"""Initial weights of a library's model: the library's own, or from a file."""

from collections.abc import Callable, Mapping
from pathlib import Path

from declare.contract.files.weight_files import lacking_weights, state_in
from declare.contract.problem import Problem, ProblemError
from declare.contract.torch_types import TorchModule, TorchTensor
from declare.nn.tensor_facts import TensorFacts, dtype_of

_ONLINE = (
    "connect to the network once to cache the weights, or state their file: `pretrained: PATH`",
    "or train from scratch: `pretrained: false`",
)


def fetch(
    library: str,
    name: str,
    make: Callable[[], TorchModule],
    *,
    at: str = "pretrained",
    helps: tuple[str, ...] = _ONLINE,
) -> TorchModule:
    """Return the model that `make` builds with the library's weights; raises `ProblemError` (RES840) if it fails."""
    try:
        return make()
    except Exception as error:  # network, hub and cache fail in many ways, none of them ours
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        title = f"{library} cannot get its weights of `{name}`"
        problem = Problem("RES840", title, at=at, notes=(f"{library} reports: {first[:200]}",), helps=helps)
        raise ProblemError(problem) from error


def start(module: TorchModule, pretrained: bool | Path) -> TorchModule:
    """Return `module`, with the weights of the file `pretrained`, if it is a file."""
    if isinstance(pretrained, Path):
        load(module, pretrained)
    return module


def load(module: TorchModule, path: Path) -> None:
    """Load the weights of a file (.safetensors, or .pt without executing code) into `module`.

    Weights of a classifier in the file are skipped. Raises `ProblemError` (RES840, RES853) for a file that
    cannot be read or that lacks some of the module's weights.
    """
    state = module.state_dict()
    weights = _read_state(path)
    problem = lacking_weights(_facts(state), _facts(weights), path)
    if problem is not None:
        raise ProblemError(problem)
    module.load_state_dict({name: weights[name] for name in state})


def _facts(tensors: Mapping[str, TorchTensor]) -> dict[str, TensorFacts]:
    return {name: TensorFacts(tuple(item.shape), dtype_of(str(item.dtype))) for name, item in tensors.items()}


def _read_state(path: Path) -> dict[str, TorchTensor]:
    import torch

    from declare.nn.weight_files import UnreadableError, read_tensors

    try:
        return state_in(read_tensors(path), torch.Tensor)
    except (OSError, UnreadableError) as error:
        title = f"no weights can be read from {path.name[:40]}"
        helps = ("use a .safetensors file, or a .pt file that contains only tensors",)
        notes = (f"`{path}`: {str(error)[:200]}",)
        raise ProblemError(Problem("RES840", title, at="pretrained", notes=notes, helps=helps)) from error
