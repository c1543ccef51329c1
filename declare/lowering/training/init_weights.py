"""Weights that a phase starts from: read from files without running code, matched by name, and reported."""

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from declare.compiler.parameters.init_match import InitReport, match, refusals, rename_tensors, unreadable
from declare.contract.files.weight_files import state_in
from declare.contract.problem import ProblemError
from declare.ir.plan import InitPlan, PhasePlan, Plan
from declare.nn.distributed.dtensor import shard_like_tensor
from declare.nn.tensor_facts import TensorFacts, dtype_of
from declare.nn.weight_files import UnreadableError, read_tensors


def load_init(
    plan: Plan,  # noqa: ARG001 - the signature of all makers of this room
    phase: PhasePlan,
    graph: nn.Module,
    resolve: Callable[[InitPlan], Path],
    *,
    tries: int = 1,
) -> list[InitReport]:
    """Load what the phase's `init` names into the graph, in order; return a report for each entry.

    `resolve` gives the file of weights of an entry; it is asked again, `tries` times in all, if that file has gone
    and it gives another one: a run that is still training deletes checkpoints. Raises `ProblemError` for a file that
    cannot be read (RES814), weights of another shape (SHP501) or absent ones (SHP503) if the entry is strict, of
    another type (RES853), and for an entry that loads nothing at all (SHP504).
    """
    reports = []
    for index, entry in enumerate(phase.init):
        at = f"phases.{phase.name}.init.{index}"
        weights = _read(lambda: resolve(entry), f"{at}.from", tries)  # noqa: B023 - called at once
        state = facts_of(graph.state_dict())
        if problems := refusals(state, facts_of(weights), entry, at):
            raise ProblemError(*problems)
        values = rename_tensors(weights, entry.rename)
        report = match(state, facts_of(values), entry)
        _copy(graph, {name: values[name] for name in report.loaded})
        reports.append(report)
    return reports


def _read(resolve: Callable[[], Path], at: str, tries: int) -> dict[str, Tensor]:
    path = resolve()
    for _ in range(tries - 1):
        try:
            return read_weights(path, at)
        except ProblemError:
            before, path = path, resolve()
            if path == before:
                raise
    return read_weights(path, at)


def read_weights(path: Path, at: str = "") -> dict[str, Tensor]:
    """Return the tensors of a safetensors or torch file by name, on the CPU; nothing in it is executed.

    Raises `ProblemError` (RES814).
    """
    try:
        return state_in(read_tensors(path), Tensor)
    except FileNotFoundError:
        raise ProblemError(unreadable(path, "the file does not exist", at)) from None
    except UnreadableError as error:
        raise ProblemError(unreadable(path, str(error), at)) from error


def facts_of(tensors: Mapping[str, Tensor]) -> dict[str, TensorFacts]:
    """Return shape and type of tensors by name."""
    return {name: TensorFacts(tuple(item.shape), dtype_of(str(item.dtype))) for name, item in tensors.items()}


@torch.no_grad()
def _copy(graph: nn.Module, values: Mapping[str, Tensor]) -> None:
    state = graph.state_dict()
    for name, value in values.items():
        state[name].copy_(shard_like_tensor(value, state[name]))
