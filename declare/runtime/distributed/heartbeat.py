"""A sign of life of each process that we launched: its process id and the step it is at."""

import mmap
import os
import struct
from collections.abc import Callable
from pathlib import Path

_FORM = struct.Struct("qq")
_NAME = "pulse-"


def start(folder: Path, rank: int) -> Callable[[int], None]:
    """Leave a sign in `folder` and return what keeps it up to date: called with every step, it costs nothing."""
    path = folder / f"{_NAME}{rank}"
    path.write_bytes(_FORM.pack(os.getpid(), 0))
    with path.open("r+b") as file:
        memory = mmap.mmap(file.fileno(), _FORM.size)
    number = os.getpid()

    def write(step: int) -> None:
        _FORM.pack_into(memory, 0, number, step)

    return write


def read_heartbeats(folder: Path) -> dict[int, tuple[int, int]]:
    """Return rank -> (process id, step) of every process that left a sign in `folder`."""
    heartbeats = {}
    for path in folder.glob(f"{_NAME}*"):
        content = path.read_bytes()
        if len(content) == _FORM.size:
            heartbeats[int(path.name.removeprefix(_NAME))] = _FORM.unpack(content)
    return heartbeats
