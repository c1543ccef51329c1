"""Memory of the machine, what this process may take of it and what it took, free space of its disks: in bytes."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

_MACHINE = Path("/proc/meminfo")
_GROUPS = Path("/sys/fs/cgroup")


def address_limit() -> int | None:
    """Return the bytes of address space that `ulimit -v` leaves, or None if it sets no limit."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    soft = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def group_limit() -> int | None:
    """Return the bytes that the control groups of this process allow, or None if they set no limit."""
    limits = [limit for limit, _ in _groups()]
    return min(limits, default=None)


def _groups() -> Iterator[tuple[int, int]]:
    """Yield limit and use, in bytes, of each control group around this process that has a limit."""
    machine = _kilobytes(_MACHINE, "MemTotal")
    for folder, limit_name, use_name in _group_folders():
        limit = _number(folder / limit_name)
        # Version 1 writes a number beyond any machine if there is no limit.
        if limit is not None and (machine is None or limit < machine):
            # Memory that caches files is freed when it is needed.
            cached = _read_number(folder / "memory.stat", "inactive_file ") or 0
            yield limit, max(0, (_number(folder / use_name) or 0) - cached)


def _group_folders() -> Iterator[tuple[Path, str, str]]:
    """Yield folders of this process's groups and those around them, with the names of limit and use there.

    A container sees its own group as the root, whatever path the kernel gives.
    """
    root = _GROUPS
    version_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes")
    version_2 = ("memory.max", "memory.current")
    yield root, *version_2
    yield root / "memory", *version_1
    try:
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, names, path = [*line.split(":", 2), "", ""][:3]
        if names not in {"", "memory"}:
            continue
        base, files = (root / "memory", version_1) if names else (root, version_2)
        parts = [part for part in path.split("/") if part not in {"", ".."}]
        for depth in range(len(parts), 0, -1):
            yield base.joinpath(*parts[:depth]), *files


def _number(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if text.isdigit() else None


def machine_memory() -> int | None:
    """Return the bytes that processes can have together: the machine's, or what their control group allows."""
    total, group = _kilobytes(_MACHINE, "MemTotal"), group_limit()
    known = [size for size in (total or _physical(), group) if size is not None]
    return min(known, default=None)


def _physical() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return None


def free_memory() -> int | None:
    """Return the bytes that are free now, within the control group's limit; None if unknown."""
    margins = [limit - use for limit, use in _groups()]
    free = unused_memory()
    return max(0, min(([] if free is None else [free]) + margins)) if free is not None or margins else None


def peak(kind: str) -> int:
    """Return the most bytes that the process took: of `resident` memory, or of `address` space; 0 if unknown."""
    name = {"resident": "VmHWM", "address": "VmPeak"}[kind]
    return _kilobytes(Path("/proc/self/status"), name) or 0


def unused_memory() -> int | None:
    """Return the bytes that no process of the machine uses, or None if unknown."""
    return _kilobytes(_MACHINE, "MemAvailable")


def _kilobytes(path: Path, name: str) -> int | None:
    size = _read_number(path, name)
    return None if size is None else size << 10


def _read_number(path: Path, name: str) -> int | None:
    """Return the first number of the line that starts with `name`."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name))
    except (OSError, StopIteration, ValueError):
        return None


def available_memory() -> int | None:
    """Return the bytes available to this process by machine, swap space and control group; None if unknown."""
    free, swap, group = unused_memory(), _kilobytes(_MACHINE, "SwapFree"), group_limit()
    margins = [] if free is None else [free + (swap or 0)]
    margins += [] if group is None else [group - (_kilobytes(Path("/proc/self/status"), "VmRSS") or 0)]
    return min(margins, default=None)


def free_bytes(folder: Path) -> int:
    """Return the free bytes of the disk that holds `folder` (its nearest existing parent)."""
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free
