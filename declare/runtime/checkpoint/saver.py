"""Saving and finding state: what goes into a checkpoint, which ones stay, where weights come from.

`atomic_write.py` puts them on the disk.
"""

import contextlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from declare.compiler.phases.memory import optimizer_states
from declare.contract.problem import Problem, ProblemError
from declare.ir.checkpoint_files import max_checkpoints
from declare.ir.plan import InitPlan, PhasePlan, Plan
from declare.runtime.checkpoint.atomic_write import CheckpointStore, Files, Snapshot, load_tree
from declare.runtime.checkpoint.background import Worker
from declare.runtime.checkpoint.prune import prune
from declare.runtime.checkpoint.safetensors_io import read_tensors, tensor_bytes
from declare.runtime.checkpoint.sharded_read import lazy_tensors
from declare.runtime.checkpoint.state_tree import ORIGIN, StateTree, Tree
from declare.runtime.run_folder.durable_io import (
    brief,
    disk_full_problem,
    readable_bytes,
    translate_os_errors,
)
from declare.runtime.run_folder.folder import Run
from declare.runtime.run_folder.manifest import SavedCheckpoint, damage, read_manifest
from declare.runtime.run_folder.progress import TrainProgress
from declare.runtime.step.interfaces import EMA
from declare.system.memory_limits import free_bytes
from declare.system.out_of_memory import is_shortage

_WORTH_BYTES = 1 << 20
"""Weights from which on a state is written in the background; `benchmarks/checkpoint.py` measures it."""

_LARGE = ("model", "optimizer", "average")


class CheckpointSaver:
    """Writes the run's checkpoints and reads weights back; `about` goes into every manifest."""

    def __init__(self, run_folder: Path, about: dict[str, Any]) -> None:
        self._store = CheckpointStore(run_folder)
        self._about = about
        self._worker: Worker[SavedCheckpoint] = Worker()

    def save(
        self,
        progress: TrainProgress,
        tree: StateTree,
        graph: nn.Module,
        ema: EMA | None,
        phase: PhasePlan,
        *,
        wait: bool = True,
    ) -> list[SavedCheckpoint]:
        """Save the whole state and prune; return what is durable now and was not returned before.

        Without `wait` a state whose writing takes longer than a copy of it is copied here and written in the
        background; the one before is waited for. Raises what went wrong with either.
        """
        saved_before = self.collect(wait=True)
        state = tree.capture()
        weights = state["model"]
        if ema is None:
            # The weights file is the model's state then; there is no need to hold it twice.
            del state["model"]
        else:
            with ema.average_parameters():
                weights = {name: tensor.clone() for name, tensor in graph.state_dict().items()}
        in_background = not wait and self._is_large(weights)
        facts = self._about | _marks(progress, phase)
        snapshot = Snapshot.of(progress.total, weights, state, facts, copy=in_background)
        write = partial(self._write, snapshot, phase.keep_checkpoints, frozenset(progress.protected_steps))
        if not in_background:
            return [*saved_before, write()]
        self._worker.start(write)
        return saved_before

    def _is_large(self, weights: Mapping[str, Tensor]) -> bool:
        """Whether writing in the background saves time: a small state is written before a thread has begun."""
        return tensor_bytes(weights) >= _WORTH_BYTES

    def _write(self, snapshot: Snapshot, keep: int, protected_steps: frozenset[int]) -> SavedCheckpoint:
        """Commit a state and prune; if the disk is full, prune first and try once more."""
        _require_finite(snapshot)
        try:
            checkpoint = self._store.write(snapshot)
        except ProblemError as error:
            if error.problem.code != "RES804" or not prune(self._store, 1, protected_steps):
                raise
            checkpoint = self._store.write(snapshot)
        prune(self._store, keep, protected_steps, checkpoint)
        return checkpoint

    def begin(self, step: int) -> Path:
        """Make the folder that a checkpoint of several processes is written in."""
        with translate_os_errors(self._store.root):
            return self._store.begin(step)

    def seal(
        self,
        progress: TrainProgress,
        phase: PhasePlan,
        contents: tuple[dict[str, Tensor], dict[str, Tensor], Any],
        shares: Files,
    ) -> SavedCheckpoint:
        """Commit what was taken (weights, tensors of the state, its skeleton) and what others wrote; prune."""
        snapshot = Snapshot(progress.total, *contents, self._about | _marks(progress, phase))
        _require_finite(snapshot)
        checkpoint = self._store.write(snapshot, shares)
        prune(self._store, phase.keep_checkpoints, frozenset(progress.protected_steps), checkpoint)
        return checkpoint

    def discard(self, step: int) -> None:
        """Remove what was begun and will not be sealed."""
        self._store.discard(step)

    def make_room(self, protected_steps: frozenset[int]) -> bool:
        """Delete what can be spared; return whether anything was."""
        return bool(prune(self._store, 1, protected_steps))

    def collect(self, *, wait: bool = False) -> list[SavedCheckpoint]:
        """Return what became durable in the background since the last call; raises what went wrong there."""
        return self._worker.collect(wait=wait)

    def close(self) -> None:
        """Let a state that is being written come to its end, whatever that is."""
        self._worker.join()

    def require_space(self, graph: nn.Module, plan: Plan) -> None:
        """Raise `ProblemError` (RES804) if the disk cannot hold the checkpoints that the plan keeps."""
        sizes = [checkpoint.num_bytes for checkpoint in self._store.all_checkpoints()]
        size = max(sizes, default=0) or _state_bytes(tensor_bytes(graph.state_dict()), plan)
        # While the next one is written there is one more than is kept.
        count = max_checkpoints(plan.phases) + 1
        needed_bytes = size * count - sum(sizes)
        if free_bytes(self._store.root) < needed_bytes:
            note = f"{count} checkpoints of about {readable_bytes(size)} each"
            if sizes:
                note += f"; {readable_bytes(sum(sizes))} of them stand there already"
            raise ProblemError(disk_full_problem(self._store.root, needed_bytes, note=note))

    def newest(self) -> tuple[SavedCheckpoint | None, list[tuple[Path, str]]]:
        """Return the newest good checkpoint and what was rejected; leftovers of killed processes go away.

        Rejected checkpoints are moved aside as `damaged-...`, never deleted.
        """
        self._store.clean()
        checkpoint, rejected = self._store.newest()
        return checkpoint, [(self._store.quarantine(path), reason) for path, reason in rejected]

    def phase_weights(self, progress: TrainProgress, phase: str) -> Path:
        """Return the weights that stand for a phase of this run: its best ones, else its last."""
        self._worker.join()
        total = progress.phase_checkpoint(phase)
        folder = self._store.root / f"step-{total}"
        try:
            checkpoint = read_manifest(folder)
            reason = damage(checkpoint)
        except ValueError as error:
            reason = str(error)
        if reason is not None:
            raise ProblemError(damaged_problem(folder, reason))
        return checkpoint.weights

    def resolve(self, progress: TrainProgress, entry: InitPlan) -> Path:
        """Return the file of weights that an `init` entry names."""
        if entry.source == "phase":
            return self.phase_weights(progress, entry.reference)
        if entry.source == "run":
            return Run(Path(entry.reference)).weights_path()
        return Path(entry.reference)


def _state_bytes(weights: int, plan: Plan) -> int:
    """Return about how large a checkpoint is: weights, optimizer, and with an average raw weights and its own."""
    states = max(optimizer_states(phase) for phase in plan.phases)
    has_ema = any(phase.ema for phase in plan.phases)
    return weights * (1 + states + 2 * has_ema)


def load_weights(graph: nn.Module, path: Path) -> None:
    """Give the graph the weights of a checkpoint; raises `ProblemError` (RES807) if they are another model's."""
    try:
        graph.load_state_dict(read_tensors(path))
    except (RuntimeError, ValueError) as error:
        if is_shortage(error):
            raise
        lines = str(error).splitlines()[:3]
        reason = f"`{path.name}` does not fit the model: {' '.join(line.strip() for line in lines)[:300]}"
        raise ProblemError(damaged_problem(path.parent, reason)) from error


def read_state(checkpoint: SavedCheckpoint, *, lazy: bool = False) -> Tree:
    """Return the state tree of a checkpoint, the model's weights included.

    With `lazy` the tensors of its large parts are `Stored` ones, for each process to read what it needs. Raises
    `ProblemError` (RES807, RES809) if a file is whole, but not what a run writes.
    """
    try:
        checkpoint.checked_skeleton()
        tree = load_tree(checkpoint, lazy=_LARGE if lazy else ()) | {ORIGIN: checkpoint.manifest}
        if "model" not in tree and "average" not in tree:
            tree["model"] = lazy_tensors([checkpoint.weights]) if lazy else read_tensors(checkpoint.weights)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ProblemError(
            damaged_problem(checkpoint.path, f"its files do not fit together ({error})")
        ) from error
    return tree


def _marks(progress: TrainProgress, phase: PhasePlan) -> dict[str, Any]:
    """Return the progress in a manifest."""
    place = {"phase": phase.name, "phase_step": progress.step, "phase_steps": phase.steps}
    return place | {"threads": torch.get_num_threads(), "evaluated_at": dict(progress.evaluated_at)}


def damaged_problem(folder: Path, reason: str) -> Problem:
    """Return the finding that a checkpoint that is needed is not whole."""
    return Problem(
        "RES807",
        f"checkpoint `{folder.name}` is damaged",
        notes=(f"in `{folder.parent}`: {reason}",),
        helps=("restore it from a copy, or start a new run",),
    )


def _require_finite(snapshot: Snapshot) -> None:
    floats = {
        name: tensor
        for name, tensor in snapshot.weights.items()
        if tensor.is_floating_point() and tensor.numel()
    }
    with contextlib.suppress(StopIteration):
        name = next(name for name, tensor in floats.items() if not bool(torch.isfinite(tensor).all()))
        raise ProblemError(
            Problem(
                "PHS620",
                f"the weights in `{brief(name)}` are not finite at step {snapshot.about['phase_step']}",
                at=f"phases.{snapshot.about['phase']}",
                notes=("this state was not saved; the checkpoint before it is untouched",),
                helps=("lower the learning rate, or add `clip: {norm: 1.0}`",),
            )
        )
