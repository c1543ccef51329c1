"""What memory there is: of the machine, and of control groups of both versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from declare.system import memory_limits

MACHINE = "MemTotal:       16000 kB\nMemAvailable:    9000 kB\n"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of control groups of a machine with 16,000 KiB, 9,000 of them free."""
    (tmp_path / "meminfo").write_text(MACHINE)
    monkeypatch.setattr(memory_limits, "_MACHINE", tmp_path / "meminfo")
    monkeypatch.setattr(memory_limits, "_GROUPS", tmp_path / "groups")
    return tmp_path / "groups"


def write(folder: Path, **files: str) -> None:
    """Write the files of a group."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_without_groups_it_is_the_machines(machine: Path) -> None:
    """Total and free memory are those that the kernel tells."""
    assert memory_limits.group_limit() is None
    assert memory_limits.machine_memory() == 16000 << 10
    assert memory_limits.free_memory() == 9000 << 10


@pytest.mark.parametrize(("limit", "total"), [("4096000\n", 4096000), ("max\n", 16000 << 10)])
def test_version_two(machine: Path, limit: str, total: int) -> None:
    """The group's limit counts, and pages of files that it may give up are free."""
    write(
        machine,
        memory__max=limit,
        memory__current="3000000\n",
        memory__stat="anon 1\ninactive_file 1000000\n",
    )
    assert memory_limits.machine_memory() == total
    assert memory_limits.free_memory() == (4096000 - 2000000 if "max" not in limit else 9000 << 10)


@pytest.mark.parametrize(("limit", "total"), [("4096000\n", 4096000), ("9223372036854771712\n", 16000 << 10)])
def test_version_one(machine: Path, limit: str, total: int) -> None:
    """A number beyond any machine is no limit."""
    write(machine / "memory", memory__limit_in_bytes=limit, memory__usage_in_bytes="3000000\n")
    assert memory_limits.machine_memory() == total
