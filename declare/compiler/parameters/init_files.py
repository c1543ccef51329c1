"""Files and runs that phases start from, compared with the model by their headers before anything runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from declare.compiler.parameters.init_match import idle_renames, match, refusals, rename_tensors, unreadable
from declare.compiler.parameters.init_names import other_names
from declare.compiler.parameters.parameter_groups import reached_nodes
from declare.compiler.parameters.parameter_names import names
from declare.compiler.stages import ShapedSpec
from declare.contract.files.weight_files import state_in
from declare.contract.kinds.source import file_exists, is_file, is_folder
from declare.contract.problem import Problem
from declare.ir.checkpoint_files import CHECKPOINTS, MANIFEST, WEIGHTS
from declare.nn.tensor_facts import TensorFacts
from declare.nn.weight_headers import UnreadableError, read_facts

if TYPE_CHECKING:
    from declare.ir.plan import InitPlan, PhasePlan

_MOST_MANIFEST = 1 << 24
_TRIES = 10


def init_files(stage: ShapedSpec, phase: PhasePlan, path: str) -> Iterator[Problem]:
    """Yield the problems that prevent loading the weights of a phase's `init`."""
    for index, entry in enumerate(phase.init):
        at = f"{path}.init.{index}"
        if entry.source == "phase":
            model = _model(stage, ("*",))
            if model is not None:
                yield from refusals(model, model, entry, at)  # another phase's weights are this model's
            continue
        if not file_exists(Path(entry.reference)):
            continue  # what is not there has its own finding
        try:
            tensors = _state_of(entry)
        except FileNotFoundError:
            yield unreadable(entry.reference, "it has gone", f"{at}.from")
            continue
        except UnreadableError as error:
            yield _unreadable(entry, str(error), f"{at}.from")
            continue
        yield from idle_renames(tensors, entry, at)
        model = _model(stage, entry.modules)
        if model is not None:
            yield from _compare(stage, (model, tensors), entry, at)


def _compare(
    stage: ShapedSpec, states: tuple[dict[str, TensorFacts], dict[str, TensorFacts]], entry: InitPlan, at: str
) -> Iterator[Problem]:
    """Yield the problems of weights in another place: by shapes and types, then by what they are for."""
    model, tensors = states
    problems = refusals(model, tensors, entry, at)
    yield from problems
    if not problems and entry.source == "run":
        report = match(model, rename_tensors(tensors, entry.rename), entry)
        yield from other_names(stage, report, entry, at)


def _state_of(entry: InitPlan) -> dict[str, TensorFacts]:
    """Return what an entry's weights hold; a run that is still training may delete the checkpoint that is looked at.

    Raises `UnreadableError` or FileNotFoundError.
    """
    for _ in range(_TRIES - 1):
        before = _steps(entry)
        try:
            return state_in(read_facts(_weights_of(entry)), TensorFacts)
        except (UnreadableError, FileNotFoundError):
            if before == _steps(entry):
                raise
    return state_in(read_facts(_weights_of(entry)), TensorFacts)


def _steps(entry: InitPlan) -> set[str]:
    """Return the names of a run's checkpoints."""
    return {item.name for item in (Path(entry.reference) / CHECKPOINTS).glob("step-*")}


def _weights_of(entry: InitPlan) -> Path:
    """Return the file of weights that an entry means; raises `UnreadableError` if a run has none."""
    place = Path(entry.reference)
    if entry.source == "file":
        return place
    if not is_folder(place):
        raise UnreadableError("it is not the folder of a run")
    steps = [item for item in (place / CHECKPOINTS).glob("step-*") if is_file(item / MANIFEST)]
    if not steps:
        raise UnreadableError(
            "the run has no checkpoint yet" if is_file(place / "plan.json") else "it is not a run"
        )
    newest = max(steps, key=lambda item: _sequence(item / MANIFEST))
    weights = newest / WEIGHTS
    _refuse_other_size(newest / MANIFEST, weights)
    return weights


def _sequence(manifest: Path) -> int:
    """Return which of a run's checkpoints this is, without a clock; -1 if its manifest is damaged."""
    try:
        return int(_contents(manifest).get("sequence", 0))
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return -1


def _contents(manifest: Path) -> Any:
    return json.loads(manifest.read_bytes() if manifest.stat().st_size <= _MOST_MANIFEST else b"")


def _refuse_other_size(manifest: Path, weights: Path) -> None:
    """Raise `UnreadableError` if the size of a checkpoint's weights differs from its manifest."""
    try:
        size = _contents(manifest)["files"][WEIGHTS]["bytes"]
        actual = weights.stat().st_size
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        raise UnreadableError(f"its checkpoint `{manifest.parent.name}` is damaged") from None
    if size != actual:
        raise UnreadableError(
            f"its checkpoint `{manifest.parent.name}` is damaged: {actual} bytes instead of {size}"
        )


def _model(stage: ShapedSpec, patterns: tuple[str, ...]) -> dict[str, TensorFacts] | None:
    """Return the state of all modules that patterns may mean; None if a part of it is not known."""
    paths = reached_nodes(stage, patterns)
    if paths is None:
        return None
    tensors: dict[str, TensorFacts] = {}
    for path in paths:
        inside = names(stage.nodes[path])
        if inside is None:
            return None
        tensors |= inside.state
    return tensors


def _unreadable(entry: InitPlan, reason: str, at: str) -> Problem:
    """Return the problem of an entry whose weights cannot be read, with what was probably meant."""
    place = Path(entry.reference)
    problem = unreadable(place, reason, at)
    if is_folder(place) and entry.source == "file":
        inside = [
            *sorted(place.glob("*.index.json")),
            *sorted(place.glob("*.safetensors")),
            *sorted(place.glob("*.pt")),
        ]
        meant = f"run:{place.name}" if is_file(place / "plan.json") else None
        named = f"file:{place.name}/{inside[0].name}" if inside else None
        helps = tuple(f"write `{word}`" for word in (meant, named) if word)
    elif is_file(place) and entry.source == "run":
        helps = (f"write `file:{place.name}`, or name the folder of a run",)
    else:
        helps = ()
    return (
        problem
        if not helps
        else Problem(problem.code, problem.title, at, problem.label, notes=problem.notes, helps=helps)
    )
