"""Files of weights: their state, and whether it matches a module."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from declare.contract.problem import Problem
from declare.nn.safetensors_header import UnreadableError
from declare.nn.tensor_facts import TensorFacts

Value = TypeVar("Value")
Facts = Mapping[str, TensorFacts]
"""Shape and type of tensors by name."""
_WRAPPERS = ("module.", "_orig_mod.")
_NESTS = ("state_dict", "model_state_dict", "model")
_SHOWN = 4


def state_in(content: Any, kind: type[Value]) -> dict[str, Value]:
    """Return the tensors (of `kind`) in the content of a file; trainers may nest them under a name.

    Raises `UnreadableError` if there are none.
    """
    for name in _NESTS:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
    named = content.items() if isinstance(content, Mapping) else ()
    tensors = {str(name): item for name, item in named if isinstance(item, kind)}
    if not tensors:
        raise UnreadableError("it contains no named weights")
    for wrapper in _WRAPPERS:
        if all(name.startswith(wrapper) for name in tensors):
            tensors = {name.removeprefix(wrapper): item for name, item in tensors.items()}
    return tensors


def lacking_weights(expected: Facts, stored: Facts, path: Path) -> Problem | None:
    """Return why a file lacks weights of a module's state `expected` (RES840, RES853); others are ignored."""
    missing = [name for name in expected if name not in stored]
    reshaped = [name for name in expected if name in stored and stored[name].shape != expected[name].shape]
    if missing or reshaped:
        count = len(missing) + len(reshaped)
        return Problem(
            "RES840",
            f"{path.name[:40]} lacks {count} of {len(expected)} weights of the model in their shape",
            at="pretrained",
            label="weights of another model",
            notes=_differences(expected, stored, missing, reshaped),
            helps=_remedies(expected, stored, path),
        )
    other = [name for name in expected if not stored[name].can_fill(expected[name])]
    return other_type(other, stored, expected, "pretrained") if other else None


def _differences(expected: Facts, stored: Facts, missing: list[str], reshaped: list[str]) -> tuple[str, ...]:
    lines = [
        f"`{name}` is {list(expected[name].shape)} in the model, {list(stored[name].shape)} in the file"
        for name in reshaped
    ]
    beside = [name for name in stored if name not in expected]
    return (
        *first_of([f"missing: `{name}`" for name in missing], _SHOWN),
        *first_of(lines, _SHOWN),
        *first_of([f"in the file only: `{name}`" for name in beside], _SHOWN - 1),
    )


def _remedies(expected: Facts, stored: Facts, path: Path) -> tuple[str, ...]:
    """Return what may help: names with a prefix need a phase's `init`, else the file is another model's."""
    first = next(iter(expected))
    prefix = next((name.removesuffix(first) for name in stored if name.endswith(f".{first}")), None)
    if prefix is not None and all(f"{prefix}{name}" in stored for name in expected):
        entry = f"{{from: 'file:{path.name}', modules: [NAME], rename: {{{prefix.rstrip('.')}: NAME}}}}"
        return (f"its names begin with `{prefix}`: let a phase start from it, `init: [{entry}]`",)
    return ("give the weights of this very model",)


def other_type(names: list[str], stored: Facts, expected: Facts, at: str) -> Problem:
    """Return the problem that weights are numbers of a type that means something else (RES853)."""
    first = names[0]
    return Problem(
        "RES853",
        f"`{first[-32:]}` is {expected[first].dtype} here but {stored[first].dtype} in the file",
        at=at,
        label="weights of another type",
        notes=(
            *first_of([f"`{name}` too" for name in names[1:]], 3),
            "quantised weights need their scales; integers cannot replace floats",
        ),
        helps=("give the weights in floating point, as they were before they were quantised",),
    )


def first_of(lines: list[str], limit: int) -> tuple[str, ...]:
    """Return at most `limit` lines, and how many more there are."""
    more = (f"and {len(lines) - limit} more",) if len(lines) > limit else ()
    return (*lines[:limit], *more)
