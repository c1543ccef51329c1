"""Checkpoints of a model that processes hold in shares: each writes its own, the leading one seals them.

Two phases: every process writes its file into the temporary folder, makes it durable and reports size and hash;
only when all reports are in, the leading process writes the rest with the manifest and gives the folder its name.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from declare.contract.problem import ProblemError
from declare.ir.plan import PhasePlan
from declare.nn.distributed.dtensor import full_tensor, is_sharded, local_tensor, rank_rows
from declare.nn.distributed.process_group import ProcessGroup
from declare.nn.state_tree import named_tensors
from declare.runtime.checkpoint.atomic_write import Files, write_share
from declare.runtime.checkpoint.saver import CheckpointSaver
from declare.runtime.checkpoint.sharded_read import shard_like, shard_metadata
from declare.runtime.checkpoint.state_tree import StateTree, Tree
from declare.runtime.run_folder.durable_io import os_error_problem
from declare.runtime.run_folder.manifest import SavedCheckpoint
from declare.runtime.run_folder.progress import TrainProgress
from declare.runtime.step.interfaces import EMA


def save_shares(
    world: ProcessGroup,
    saver: CheckpointSaver | None,
    state: tuple[TrainProgress, StateTree, nn.Module, EMA | None],
    phase: PhasePlan,
) -> list[SavedCheckpoint]:
    """Save the whole state from all processes; return what is durable now, nothing if a process does not lead.

    What goes wrong in one of them is raised in all, and the checkpoints before are untouched.
    """
    progress, state_tree, graph, ema = state
    tree = state_tree.capture()
    if ema is None:
        del tree["model"]  # the file of weights holds it
    with nullcontext() if ema is None else ema.average_parameters():
        weights = _full_weights(graph, keep=world.is_rank0)
    tensors, skeleton = named_tensors(tree)
    plain = {name: item.cpu() for name, item in tensors.items() if not is_sharded(item)}
    shares = {name: item for name, item in tensors.items() if is_sharded(item)}
    protected_steps = frozenset(progress.protected_steps)

    def commit() -> SavedCheckpoint:
        folder = world.broadcast_from_rank0(lambda: _rank0_saver(saver).begin(progress.total))
        reports = world.all_gather_object(_write_shard(folder, shares, world))

        def seal() -> SavedCheckpoint:
            try:
                return _rank0_saver(saver).seal(
                    progress, phase, (weights, plain, skeleton), _merge_reports(reports)
                )
            except BaseException:
                _rank0_saver(saver).discard(progress.total)
                raise

        return world.broadcast_from_rank0(seal)

    try:
        checkpoint = commit()
    except ProblemError as error:
        full = error.problem.code == "RES804"
        if not full or not world.broadcast_from_rank0(lambda: _rank0_saver(saver).make_room(protected_steps)):
            raise
        checkpoint = commit()
    return [checkpoint] if world.is_rank0 else []


def _rank0_saver(saver: CheckpointSaver | None) -> CheckpointSaver:
    assert saver is not None, "only the leading process seals"
    return saver


@torch.no_grad()
def _full_weights(graph: nn.Module, *, keep: bool) -> dict[str, Tensor]:
    """Return the whole weights on the CPU if they are kept; one tensor at a time passes through the others."""
    weights = {}
    for name, item in graph.state_dict().items():
        full = full_tensor(item)
        if keep:
            weights[name] = full.to("cpu", copy=True)
    return weights


def _write_shard(folder: Path, shares: Mapping[str, Tensor], world: ProcessGroup) -> Files | ProblemError:
    """Write this process's shares; return what became of it, for the leading process to judge."""
    mine, starts = {}, {}
    for name, item in shares.items():
        start, stop = rank_rows(item.shape[0], world.rank, world.size)
        if start < stop:
            mine[name] = local_tensor(item).cpu()
            starts[name] = (start, item.dim())
    try:
        return write_share(
            folder, f"state-{world.rank + 1}-of-{world.size}.safetensors", mine, shard_metadata(starts)
        )
    except OSError as error:
        return ProblemError(os_error_problem(error, folder.parent))


def _merge_reports(reports: list[Files | ProblemError]) -> Files:
    """Return the files of all processes; raises what went wrong in one."""
    files: Files = {}
    for report in reports:
        if isinstance(report, ProblemError):
            raise report
        files |= report
    return files


def load(graph: nn.Module, values: Mapping[str, Any]) -> None:
    """Load the graph's weights, in each process its shards."""
    state = graph.state_dict()
    graph.load_state_dict({name: shard_like(value, state.get(name)) for name, value in values.items()})


def shard_state(tree: Tree, graph: nn.Module, optimizer: torch.optim.Optimizer) -> Tree:
    """Return a saved state as the parts of this process hold theirs: stored tensors read, whole ones cut."""
    if "optimizer" in tree:
        tree = {**tree, "optimizer": _regroup_optimizer_state(tree["optimizer"], optimizer)}
    if not any(is_sharded(item) for item in graph.parameters()):
        return tree
    state = graph.state_dict()
    sharded_tree = dict(tree)
    if "model" in tree:
        sharded_tree["model"] = {
            name: shard_like(value, state.get(name)) for name, value in tree["model"].items()
        }
    if "average" in tree:
        sharded_tree["average"] = {
            key: {name: shard_like(value, state.get(name)) for name, value in part.items()}
            if isinstance(part, Mapping)
            else part
            for key, part in tree["average"].items()
        }
    if "optimizer" in tree:
        parameters = [item for group in optimizer.param_groups for item in group["params"]]
        entries = {
            index: {key: shard_like(value, _item_or_none(parameters, index)) for key, value in entry.items()}
            for index, entry in tree["optimizer"]["state"].items()
        }
        sharded_tree["optimizer"] = {**tree["optimizer"], "state": entries}
    return sharded_tree


def _regroup_optimizer_state(
    saved_state: Mapping[str, Any], optimizer: torch.optim.Optimizer
) -> Mapping[str, Any]:
    """Return the state of an optimizer in the groups of this one, which may hold other parameters in shares."""
    groups = optimizer.state_dict()["param_groups"]
    try:
        before, now = _parameter_indices(saved_state["param_groups"]), _parameter_indices(groups)
    except (LookupError, TypeError, ValueError, AttributeError):
        return saved_state  # refused by name if it is loaded
    if before == now or before.keys() != now.keys():
        return saved_state
    state = {
        now[number]: saved_state["state"][index]
        for number, index in before.items()
        if index in saved_state["state"]
    }
    return {**saved_state, "state": state, "param_groups": groups}


def _parameter_indices(groups: Sequence[Mapping[str, Any]]) -> dict[int, int]:
    """Return the indices of parameters in a state by their numbers in the model; a balance's own are below zero."""
    indices_by_number: dict[int, int] = {}
    for group in groups:
        indices = group["params"]
        indices_by_number |= zip(group.get("numbers", range(-len(indices), 0)), indices, strict=True)
    return indices_by_number


def _item_or_none(parameters: list[Any], index: int) -> Any:
    return parameters[index] if index < len(parameters) else None
