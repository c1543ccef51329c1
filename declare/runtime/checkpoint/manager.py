"""The run's checkpoints as all processes use them: the leading one writes and decides which one is read."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from torch import nn

from declare.ir.plan import InitPlan, PhasePlan, Plan
from declare.nn.distributed.process_group import ProcessGroup
from declare.runtime.checkpoint.safetensors_io import read_tensors
from declare.runtime.checkpoint.saver import CheckpointSaver, read_state
from declare.runtime.checkpoint.sharded_read import lazy_tensors
from declare.runtime.checkpoint.sharded_write import load, save_shares
from declare.runtime.checkpoint.state_tree import StateTree, Tree
from declare.runtime.run_folder.manifest import SavedCheckpoint, read_manifest
from declare.runtime.run_folder.progress import TrainProgress
from declare.runtime.step.interfaces import EMA

Value = TypeVar("Value")


class CheckpointManager:
    """Keeps the state of a group of processes; each of them calls the same methods at the same time.

    If they hold the model in shares (`sharded`) each writes and reads its own.
    """

    def __init__(
        self, make: Callable[[], CheckpointSaver], world: ProcessGroup, *, sharded: bool = False
    ) -> None:
        self._world = world
        self._sharded = sharded
        self._saver = make() if world.is_rank0 else None

    def save(
        self,
        progress: TrainProgress,
        tree: StateTree,
        graph: nn.Module,
        ema: EMA | None,
        phase: PhasePlan,
        *,
        wait: bool,
    ) -> list[SavedCheckpoint]:
        """Save the whole state; return what is durable now, nothing in processes that do not lead."""
        if self._sharded:
            return save_shares(self._world, self._saver, (progress, tree, graph, ema), phase)
        if self._saver is not None:
            return self._saver.save(progress, tree, graph, ema, phase, wait=wait)
        tree.capture()  # parts of the state are put together by all processes
        return []

    def collect(self) -> list[SavedCheckpoint]:
        """Return what became durable in the background since the last call; raises what went wrong there."""
        return [] if self._saver is None else self._saver.collect()

    def close(self) -> None:
        """Let a state that is being written come to its end."""
        if self._saver is not None:
            self._saver.close()

    def load_phase_weights(self, graph: nn.Module, progress: TrainProgress, phase: str) -> dict[str, int]:
        """Give the graph the weights that stand for a phase of this run; return their sizes in evaluations."""
        path = self._world.broadcast_from_rank0(lambda: self._rank0_saver.phase_weights(progress, phase))
        if self._sharded:
            load(graph, lazy_tensors([path]))
        else:
            graph.load_state_dict(self._read(path.parent, lambda: read_tensors(path)))
        return self._world.broadcast_from_rank0(lambda: read_manifest(path.parent).evaluated_at)

    def resolve(self, progress: TrainProgress, entry: InitPlan) -> Path:
        """Return the file of weights that an `init` entry names."""
        return self._world.broadcast_from_rank0(lambda: self._rank0_saver.resolve(progress, entry))

    def newest(self) -> tuple[Tree | None, list[tuple[Path, str]]]:
        """Return the newest good state, if there is one, and what was rejected with the reasons."""
        checkpoint, rejected = self._world.broadcast_from_rank0(lambda: self._rank0_saver.newest())  # noqa: PLW0108 - no other has it
        if checkpoint is None:
            return None, rejected
        return self._read(checkpoint.path, lambda: read_state(checkpoint, lazy=self._sharded)), rejected

    def _read(self, folder: Path, read: Callable[[], Value]) -> Value:
        """Return what each process reads if all find the checkpoint, else what the leading one reads."""
        seals = self._world.all_gather_object(_seal(folder))
        return read() if seals.count(seals[0]) == len(seals) else self._world.broadcast_from_rank0(read)

    def require_space(self, graph: nn.Module, plan: Plan) -> None:
        """Raise `ProblemError` (RES804) if the disk cannot hold the checkpoints that the plan keeps."""
        self._world.broadcast_from_rank0(lambda: self._rank0_saver.require_space(graph, plan))

    @property
    def _rank0_saver(self) -> CheckpointSaver:
        assert self._saver is not None, "only the leading process reads and writes"
        return self._saver


def _seal(folder: Path) -> str | None:
    """Return an identifier of a checkpoint; None if this process finds none."""
    try:
        return str(read_manifest(folder).manifest["sha256"])
    except ValueError:
        return None
