"""Deleting old checkpoints: all but the newest few and those that a run still needs."""

import contextlib
import os
import shutil
from collections.abc import Collection

from declare.runtime.checkpoint.atomic_write import CheckpointStore
from declare.runtime.run_folder.manifest import SavedCheckpoint, damage


def prune(
    store: CheckpointStore, keep: int, protected_steps: Collection[int], newest: SavedCheckpoint | None = None
) -> list[int]:
    """Delete all but the `keep` newest and those of `protected_steps`; return the steps of those deleted.

    Only whole checkpoints count, and the newest of them is never touched. Its hashes are compared, unless it is
    the one that was `newest` just now.
    """
    good = [checkpoint for checkpoint in store.all_checkpoints() if damage(checkpoint, hashes=False) is None]
    if not good or (good[0] != newest and damage(good[0]) is not None):
        return []
    outdated = [checkpoint for checkpoint in good[max(keep, 1) :] if checkpoint.step not in protected_steps]
    for checkpoint in outdated:
        trash = store.root / f".trash-{checkpoint.path.name}-{os.getpid()}"
        with contextlib.suppress(OSError):  # what cannot be deleted now goes with the next start
            checkpoint.path.rename(trash)
            shutil.rmtree(trash)
    return [checkpoint.step for checkpoint in outdated]
