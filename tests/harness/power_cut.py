"""Cuts the power of a disk while checkpoints are written to it, or lets it fill up, and looks what is left.

    unshare -m python -m tests.harness.power_cut --cuts 25 --options noauto_da_alloc
    unshare -m python -m tests.harness.power_cut --full

Needs root. The disk is an ext4 image; a cut (FS_IOC_SHUTDOWN without a flush of the journal) loses everything that was
not made durable, as a power failure does. A child saves as fast as it can and acknowledges each step through a pipe;
what is found after the disk was mounted anew must be whole and no older. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from declare.contract.problem import ProblemError
from declare.runtime.checkpoint.atomic_write import CheckpointStore, load_tree
from declare.runtime.checkpoint.prune import prune
from declare.runtime.checkpoint.safetensors_io import read_tensors
from tests.harness import fake_builder

_SHUTDOWN, _WITHOUT_FLUSH = 0x8004587D, 2
NUMBERS = 60_000


def save(store: CheckpointStore, step: int) -> None:
    """Commit a checkpoint in which every number tells its step, and prune."""
    weights = {"w": torch.full((NUMBERS,), float(step))}
    tree = {"course": {"step": step}, "optimizer": {0: torch.full((NUMBERS,), float(step))}}
    prune(store, 2, set(), store.commit(step, weights, tree, fake_builder.ABOUT))


def found(place: Path) -> int:
    """Return the step of the newest checkpoint, 0 where there is none; raises where it is not whole."""
    store = CheckpointStore(place)
    store.clean()
    saved, rejected = store.newest()
    if rejected:
        raise RuntimeError(f"not whole: {rejected}")
    if saved is None:
        return 0
    numbers = torch.cat([read_tensors(saved.weights)["w"], load_tree(saved)["optimizer"][0]])
    if not bool((numbers == saved.step).all()):
        raise RuntimeError(f"step {saved.step} holds numbers of other steps")
    return saved.step


def saving(place: Path, pipe: int) -> None:
    """Save step after step and acknowledge each, until the process or the disk dies."""
    step = found(place)
    store = CheckpointStore(place)
    while True:
        step += 1
        save(store, step)
        os.write(pipe, struct.pack("q", step))


def forked(work: Callable[[int], None]) -> tuple[int, int]:
    """Start `work(pipe)` in a child; return its process and the other end of the pipe."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(ours)
            work(theirs)
        finally:
            os._exit(1)
    os.close(theirs)
    return child, ours


def mounted(image: Path, place: Path, options: str) -> None:
    """Mount an image."""
    subprocess.run(["mount", "-o", f"loop,{options}" if options else "loop", image, place], check=True)


def cut(image: Path, place: Path, options: str, seconds: float) -> tuple[int, int]:
    """Cut the power after `seconds` of saving; return the last acknowledged step and the one that is found."""
    mounted(image, place, options)
    child, pipe = forked(lambda acknowledge: saving(place, acknowledge))
    time.sleep(seconds)
    disk = os.open(place, os.O_RDONLY)
    fcntl.ioctl(disk, _SHUTDOWN, struct.pack("I", _WITHOUT_FLUSH))
    os.close(disk)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    told = b"".join(iter(lambda: os.read(pipe, 1 << 16), b""))
    os.close(pipe)
    subprocess.run(["umount", place], check=True)
    mounted(image, place, options)
    try:
        return (struct.unpack("q", told[-8:])[0] if told else 0), found(place)
    finally:
        subprocess.run(["umount", place], check=True)


def cuts(folder: Path, asked: argparse.Namespace) -> dict[str, object]:
    """Cut the power again and again, each time of a disk that goes on where the last cut left it."""
    image, place, draw = folder / "disk.img", folder / "disk", random.Random(asked.seed)
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(64 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    steps = [cut(image, place, asked.options, draw.uniform(0.05, asked.seconds)) for _ in range(asked.cuts)]
    lost = [pair for pair in steps if pair[1] < pair[0]]
    acknowledged = sum(told > 0 for told, _ in steps)
    told = {"options": asked.options, "cuts": asked.cuts, "after a save": acknowledged}
    return told | {"steps": steps[-1][1], "lost": lost}


def full(folder: Path) -> dict[str, object]:
    """Save on a disk of 24 MB that fills up; return the finding, and what is left and can be resumed."""
    place = folder / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", place], check=True)
    try:
        run, store = place / "run", None
        run.mkdir()
        store, step, codes = CheckpointStore(run), 0, []
        ballast = (place / "ballast").open("wb")
        while not codes:
            step += 1
            try:
                save(store, step)
                ballast.write(bytes(1 << 20))
                ballast.flush()
            except ProblemError as error:
                codes = [error.problem.code]
            except OSError:
                continue
        left = sorted(path.name for path in store.root.iterdir())
        answer = {"code": codes[0], "failed": step, "found": found(run), "left": left}
        ballast.close()
        (place / "ballast").unlink()
        save(store, step)
        return answer | {"again": found(run)}
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def main() -> int:
    """Do what the command line asks; 0 if nothing that was acknowledged is lost."""
    parser = argparse.ArgumentParser(description="Cut the power of a disk under checkpoints.")
    parser.add_argument("--cuts", type=int, default=10)
    parser.add_argument("--options", default="", help="mount options of the disk")
    parser.add_argument("--seconds", type=float, default=1.2, help="most seconds of saving before a cut")
    parser.add_argument("--full", action="store_true", help="fill a small disk instead")
    parser.add_argument("--careless", action="store_true", help="never call fsync: steps must get lost")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(1)  # children are forked: threads of this process would not be theirs
    if asked.careless:
        os.fsync = lambda _: None
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        answer = full(folder) if asked.full else cuts(folder, asked)
    sys.stdout.write(json.dumps(answer) + "\n")
    return 1 if answer.get("lost") else 0


if __name__ == "__main__":
    sys.exit(main())
