"""Atomic checkpoints: they survive a kill at any instant, a full disk and a power cut (the commit protocol).

A checkpoint is written into a temporary folder beside its final place; every file is hashed while written
and made durable; a manifest seals them; one rename gives it its name. Only then older ones go, and of those
only what the run no longer needs. Reading goes from the newest to the oldest and takes the first one whose
hashes agree.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from declare.contract import strict_json
from declare.contract.problem import ProblemError
from declare.ir.checkpoint_files import CHECKPOINTS as FOLDER
from declare.ir.checkpoint_files import MANIFEST, WEIGHTS
from declare.nn.state_tree import encode
from declare.runtime.checkpoint.safetensors_io import read_tensors, tensor_bytes, write_tensors
from declare.runtime.checkpoint.sharded_read import lazy_tensors
from declare.runtime.checkpoint.state_tree import Tree, decode
from declare.runtime.run_folder.durable_io import HashedFile, create_new, fsync_folder, os_error_problem
from declare.runtime.run_folder.manifest import STATE, TENSORS, SavedCheckpoint, damage, read_manifest, seal

SHARES = "state-"
"""Begins the names of files that hold one process's shard of the state."""
Files = dict[str, dict[str, object]]
"""Size and hash of files by name."""


@dataclass(frozen=True)
class Snapshot:
    """A state of the run, ready to be written."""

    step: int
    weights: dict[str, Tensor]
    tensors: dict[str, Tensor]
    skeleton: Any
    about: dict[str, Any]

    @classmethod
    def of(
        cls,
        step: int,
        weights: Mapping[str, Tensor],
        tree: Tree,
        about: dict[str, Any],
        *,
        copy: bool = False,
    ) -> "Snapshot":
        """Take the state; with `copy` training may continue while it is written."""
        weights_by_name, _ = encode(weights, copy=copy)
        return cls(step, weights_by_name, *encode(tree, copy=copy), about)

    @property
    def num_bytes(self) -> int:
        """How many bytes its tensors hold."""
        return tensor_bytes(self.weights) + tensor_bytes(self.tensors)


class CheckpointStore:
    """The checkpoints of one run. Only the holder of the run's lock may write."""

    def __init__(self, run_folder: Path) -> None:
        self.root = run_folder / FOLDER
        self.root.mkdir(mode=0o700, exist_ok=True)
        self._sequence = max((checkpoint.sequence for checkpoint in self.all_checkpoints()), default=0)

    def commit(
        self, step: int, weights: Mapping[str, Tensor], tree: Tree, about: dict[str, Any]
    ) -> SavedCheckpoint:
        """Write a checkpoint durably and return it; the older ones are untouched.

        Raises `ProblemError` (RES804 if the disk is full, RES811, RES812) and leaves nothing behind.
        """
        return self.write(Snapshot.of(step, weights, tree, about))

    def begin(self, step: int) -> Path:
        """Make the folder that a checkpoint is written in."""
        temporary = self._temporary(step)
        shutil.rmtree(temporary, ignore_errors=True)
        self.root.mkdir(mode=0o700, exist_ok=True)  # it may have been deleted
        temporary.mkdir(mode=0o700)
        return temporary

    def discard(self, step: int) -> None:
        """Remove the folder that was begun for a step, if it is still there."""
        shutil.rmtree(self._temporary(step), ignore_errors=True)

    def _temporary(self, step: int) -> Path:
        return self.root / f".tmp-{step}-{os.getpid()}"

    def write(self, snapshot: Snapshot, shares: Files | None = None) -> SavedCheckpoint:
        """Do the same with a state that was taken before; any one thread may.

        `shares` are files that other processes have written since this one called `begin`.
        """
        temporary = self._temporary(snapshot.step)
        try:
            if shares is None:
                self.begin(snapshot.step)
            return self._publish(temporary, self._write(temporary, snapshot, shares or {}))
        except OSError as error:
            needed_bytes = snapshot.num_bytes
            shutil.rmtree(temporary, ignore_errors=True)
            raise ProblemError(os_error_problem(error, self.root, needed_bytes)) from error
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise

    def _write(self, temporary: Path, snapshot: Snapshot, shares: Files) -> dict[str, Any]:
        files = dict(shares)
        with _create_hashed(temporary, WEIGHTS, files) as file:
            write_tensors(file, snapshot.weights)
        with _create_hashed(temporary, TENSORS, files) as file:
            write_tensors(file, snapshot.tensors)
        with _create_hashed(temporary, STATE, files) as file:
            file.write(strict_json.dumps(snapshot.skeleton, indent=1).encode())
        marks = {"format": 1, "sequence": self._sequence + 1, "step": snapshot.step}
        manifest = snapshot.about | marks | {"parts": sorted(snapshot.skeleton), "files": files}
        content = seal(manifest)
        with _create_hashed(temporary, MANIFEST, {}) as file:
            file.write(content)
        fsync_folder(temporary)
        sealed_manifest: dict[str, Any] = json.loads(content)  # as it is read again
        return sealed_manifest

    def _publish(self, temporary: Path, manifest: dict[str, Any]) -> SavedCheckpoint:
        final = self.root / f"step-{manifest['step']}"
        if final.exists():
            final.rename(self.root / f".aside-{final.name}")
        temporary.rename(final)
        fsync_folder(self.root)
        shutil.rmtree(self.root / f".aside-{final.name}", ignore_errors=True)
        self._sequence += 1
        return SavedCheckpoint(final, manifest)

    def all_checkpoints(self) -> list[SavedCheckpoint]:
        """Return the checkpoints with a readable manifest, the newest first; the order never asks a clock."""
        return sorted(
            (checkpoint for checkpoint, _ in self._scan() if checkpoint),
            key=lambda checkpoint: -checkpoint.sequence,
        )

    def _scan(self) -> Iterator[tuple[SavedCheckpoint | None, tuple[Path, str]]]:
        for folder in sorted(self.root.glob("step-*")):
            try:
                yield read_manifest(folder), (folder, "")
            except ValueError as error:
                yield None, (folder, str(error))

    def newest(self) -> tuple[SavedCheckpoint | None, list[tuple[Path, str]]]:
        """Return the newest checkpoint that verifies, and what was rejected on the way with the reason."""
        rejected = [reason for checkpoint, reason in self._scan() if checkpoint is None]
        for checkpoint in self.all_checkpoints():
            reason = damage(checkpoint)
            if reason is None:
                return checkpoint, rejected
            rejected.append((checkpoint.path, reason))
        return None, rejected

    def quarantine(self, folder: Path) -> Path:
        """Move a damaged checkpoint out of the way without deleting it."""
        place = folder.with_name(f"damaged-{folder.name}")
        number = 1
        while place.exists():
            number += 1
            place = folder.with_name(f"damaged-{folder.name}-{number}")
        return folder.rename(place)

    def clean(self) -> None:
        """Remove what killed processes left half done; what was set aside and not replaced comes back."""
        for aside in self.root.glob(".aside-*"):
            final = self.root / aside.name.removeprefix(".aside-")
            if final.exists():
                shutil.rmtree(aside, ignore_errors=True)
            else:
                aside.rename(final)
        for pattern in (".tmp-*", ".trash-*"):
            for folder in self.root.glob(pattern):
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _create_hashed(folder: Path, name: str, files: Files) -> Iterator[HashedFile]:
    with create_new(folder / name) as descriptor:
        file = HashedFile(descriptor)
        yield file
        os.fsync(descriptor)
    files[name] = {"bytes": file.bytes, "sha256": file.sha256}


def write_share(folder: Path, name: str, tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> Files:
    """Write one process's file of a checkpoint that has begun, durably; return its size and hash by name."""
    files: Files = {}
    with _create_hashed(folder, name, files) as file:
        write_tensors(file, tensors, about)
    fsync_folder(folder)
    return files


def load_tree(checkpoint: SavedCheckpoint, *, lazy: Collection[str] = ()) -> Tree:
    """Return the state tree of a verified checkpoint; tensors of the parts in `lazy` are `Stored` ones."""
    shares = [checkpoint.path / name for name in checkpoint.manifest["files"] if name.startswith(SHARES)]
    tensors: dict[str, Any] = dict(lazy_tensors([checkpoint.path / TENSORS, *shares] if lazy else shares))
    for name, item in tensors.items():
        if name.partition("/")[0] not in lazy:
            tensors[name] = item.read()
    tree = decode(
        checkpoint.skeleton(), tensors if lazy else read_tensors(checkpoint.path / TENSORS) | tensors
    )
    if not isinstance(tree, dict):
        raise TypeError("a state is not a list of parts")
    return tree
