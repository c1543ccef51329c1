"""Weights that a phase starts from: read from files without running code, matched by name, and reported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from declare.contract.problem import Problem, ProblemError
from declare.ir.plan import InitPlan, PhasePlan, Plan
from declare.nn.distributed.shards import as_held
from declare.nn.files import UnreadableError, read_tensors

_WRAPPERS = ("module.", "_orig_mod.")
_NESTS = ("state_dict", "model_state_dict", "model")
_SHOWN = 8
_WIDTH = 32


@dataclass(frozen=True)
class InitReport:
    """What became of an `init` entry, by names in the model's state.

    `missing` are wanted but not in the file, `unexpected` in the file but not in the model, `reshaped` in
    both with different shapes (and so not loaded).
    """

    source: str
    loaded: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    reshaped: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return asdict(self)


def load_init(
    plan: Plan,  # noqa: ARG001 - the signature of all makers of this room
    phase: PhasePlan,
    graph: nn.Module,
    resolve: Callable[[InitPlan], Path],
) -> list[InitReport]:
    """Load what the phase's `init` names into the graph, in order; return a report for each entry.

    `resolve` gives the file of weights of an entry. Raises `ProblemError` for a file that cannot be read
    (RES814), weights of another shape (SHP501) or absent ones (SHP503) where the entry is strict, and for
    an entry that loads nothing at all (SHP504).
    """
    reports = []
    for index, entry in enumerate(phase.init):
        at = f"phases.{phase.name}.init.{index}"
        file = resolve(entry)
        tensors = renamed(read_weights(file, f"{at}.from"), entry.rename)
        report, values = match(graph, tensors, entry)
        if problems := _refusals(report, values, graph, entry, at):
            raise ProblemError(*problems)
        _copy(graph, {name: values[name] for name in report.loaded})
        reports.append(report)
    return reports


def read_weights(path: Path, at: str = "") -> dict[str, Tensor]:
    """Return the tensors of a safetensors or torch file by name, on the CPU; nothing in it is executed.

    Raises `ProblemError` (RES814).
    """
    try:
        found = read_tensors(path)
    except FileNotFoundError:
        raise ProblemError(_unreadable(path, "there is no such file", at)) from None
    except UnreadableError as error:
        raise ProblemError(_unreadable(path, str(error), at)) from error
    return _flat(found, path, at)


def _flat(found: Any, path: Path, at: str) -> dict[str, Tensor]:
    """Return the state inside a torch file: it may stand under a name of its own, as trainers write it."""
    for name in _NESTS:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
    if not isinstance(found, Mapping):
        raise ProblemError(_unreadable(path, "it holds no named weights", at))
    tensors = {str(name): item for name, item in found.items() if isinstance(item, Tensor)}
    if not tensors:
        raise ProblemError(_unreadable(path, "it holds no named weights", at))
    for wrapper in _WRAPPERS:
        if all(name.startswith(wrapper) for name in tensors):
            tensors = {name.removeprefix(wrapper): item for name, item in tensors.items()}
    return tensors


def renamed(tensors: Mapping[str, Tensor], rename: Mapping[str, str]) -> dict[str, Tensor]:
    """Return tensors under new names: the longest prefix of name parts in `rename` is replaced."""
    prefixes = sorted(rename, key=len, reverse=True)

    def new(name: str) -> str:
        for old in prefixes:
            start = old.rstrip(".")
            if name == start or name.startswith(f"{start}.") or not start:
                rest = name[len(start) :].lstrip(".")
                return ".".join(part for part in (rename[old].rstrip("."), rest) if part)
        return name

    return {new(name): item for name, item in tensors.items()}


def selected(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a name of the state is meant by a pattern: `encoder` means all that stands under it."""
    return any(fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*") for pattern in patterns)


def match(
    graph: nn.Module, tensors: Mapping[str, Tensor], entry: InitPlan
) -> tuple[InitReport, Mapping[str, Tensor]]:
    """Compare the wanted part of the graph's state with what a file holds."""
    state = graph.state_dict()
    wanted = [name for name in state if selected(name, entry.modules)]
    present = [name for name in wanted if name in tensors]
    report = InitReport(
        source=f"{entry.source}:{entry.reference}",
        loaded=tuple(name for name in present if state[name].shape == tensors[name].shape),
        missing=tuple(name for name in wanted if name not in tensors),
        unexpected=tuple(name for name in tensors if name not in state and selected(name, entry.modules)),
        reshaped=tuple(name for name in present if state[name].shape != tensors[name].shape),
    )
    return report, tensors


@torch.no_grad()
def _copy(graph: nn.Module, values: Mapping[str, Tensor]) -> None:
    state = graph.state_dict()
    for name, value in values.items():
        state[name].copy_(as_held(value, state[name]))


def _refusals(
    report: InitReport, tensors: Mapping[str, Tensor], graph: nn.Module, entry: InitPlan, at: str
) -> list[Problem]:
    """Return why the weights may not be loaded."""
    if entry.strict:
        found = []
        if report.reshaped:
            found.append(_reshaped(report, tensors, graph, at))
        if report.missing:
            found.append(_missing(report, tensors, entry, at))
        if found:
            return found
    return [] if report.loaded else [_nothing(report, entry, at)]


def _reshaped(report: InitReport, tensors: Mapping[str, Tensor], graph: nn.Module, at: str) -> Problem:
    state = graph.state_dict()
    lines = [
        f"`{name}` is {list(state[name].shape)} in the model, {list(tensors[name].shape)} in the file"
        for name in report.reshaped
    ]
    first = report.reshaped[0]
    return Problem(
        "SHP501",
        f"`{_short(first)}` is {list(state[first].shape)} here but {list(tensors[first].shape)} in the file",
        at=f"{at}.from",
        label="weights of another shape",
        notes=_shown(lines[1:]),
        helps=(
            "build the model as it was when these weights were made",
            "name the modules to load with `modules:`, or set `strict: false` to leave these fresh",
        ),
    )


def _missing(report: InitReport, tensors: Mapping[str, Tensor], entry: InitPlan, at: str) -> Problem:
    many = len(report.missing)
    what = f"`{_short(report.missing[0])}` is" if many == 1 else f"{many} weights of the model are"
    helps = ["name the modules to load with `modules:`, or set `strict: false` to leave these fresh"]
    if guess := _guess(report, tensors):
        helps.insert(0, f"set `rename: {{{guess[0]}: {guess[1]}}}`: the file calls them so")
    return Problem(
        "SHP503",
        f"{what} not in `{entry.source}:{_short(entry.reference)}`",
        at=f"{at}.from",
        label=f"{many} missing",
        notes=(
            *_shown([f"missing: `{name}`" for name in report.missing]),
            *_shown([f"in the file only: `{name}`" for name in report.unexpected], 3),
        ),
        helps=tuple(helps),
    )


def _guess(report: InitReport, tensors: Mapping[str, Tensor]) -> tuple[str, str] | None:
    """Return (old, new) prefixes that would give every missing weight its counterpart in the file."""
    new, _, tail = report.missing[0].partition(".")
    for name in tensors:
        old = name.removesuffix(f".{tail}") if tail and name.endswith(f".{tail}") else ""
        moved = [item for item in report.missing if item.startswith(f"{new}.")]
        if old and all(f"{old}.{item.partition('.')[2]}" in tensors for item in moved):
            return old, new
    return None


def _nothing(report: InitReport, entry: InitPlan, at: str) -> Problem:
    return Problem(
        "SHP504",
        f"nothing in `{entry.source}:{_short(entry.reference)}` fits the model",
        at=f"{at}.from",
        label="loads nothing",
        notes=_shown([f"in the file: `{name}`" for name in report.unexpected], 3),
        helps=("say with `rename:` how the file calls the model's modules, or remove the entry",),
    )


def _unreadable(path: Path, reason: str, at: str) -> Problem:
    return Problem(
        "RES814",
        f"no weights can be read from `{_short(str(path))}`",
        at=at,
        label="not readable",
        notes=(f"`{path}`: {reason}",),
        helps=("name a `.safetensors` file, or a `.pt` file that holds a plain state dict",),
    )


def _shown(lines: list[str], limit: int = _SHOWN) -> tuple[str, ...]:
    more = (f"and {len(lines) - limit} more",) if len(lines) > limit else ()
    return (*lines[:limit], *more)


def _short(reference: str) -> str:
    return reference if len(reference) <= _WIDTH else f"...{reference[3 - _WIDTH :]}"
