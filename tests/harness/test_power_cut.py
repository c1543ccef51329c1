"""Checkpoints on disks that lose their power or fill up; needs the right to mount, and is left out without it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def isolated(*words):
    """Run a command in a mount namespace of its own."""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["unshare", "-m", *map(str, words)], cwd=ROOT, env=env, check=False, capture_output=True, text=True
    )


def can_mount(folder):
    """Return whether a disk image can be made, mounted and cut off here."""
    image, place = folder / "disk.img", folder / "disk"
    place.mkdir()
    image.write_bytes(bytes(4 << 20))
    try:
        script = 'mkfs.ext4 -q "$0" && mount -o loop "$0" "$1" && umount "$1"'
        return isolated("sh", "-c", script, image, place).returncode == 0
    except OSError:
        return False


@pytest.fixture(scope="module", autouse=True)
def _mounting(tmp_path_factory):
    if not can_mount(tmp_path_factory.mktemp("disk")):
        pytest.skip("needs the right to mount a disk")


def cutting(*words):
    """Return what the script prints."""
    done = isolated(sys.executable, "-m", "tests.harness.power_cut", *words)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("options", ["", "noauto_da_alloc"])
def test_a_power_cut_takes_no_acknowledged_checkpoint(options):
    """After a power cut at a random moment the disk holds every acknowledged step, whole."""
    answer = cutting("--cuts", "4", "--options", options)
    assert answer["lost"] == []
    assert answer["after a save"] > 1


def test_without_fsync_a_power_cut_takes_steps():
    """The same test finds out a writer that does not make its files durable."""
    done = isolated(sys.executable, "-m", "tests.harness.power_cut", "--cuts", "3", "--careless")
    assert done.returncode == 1


def test_a_disk_that_fills_up_keeps_the_last_checkpoint():
    """On a full disk of 24 MB the save is RES804, nothing is left behind, and there is a way on once there is room."""
    answer = cutting("--full")
    assert answer["code"] == "RES804"
    assert answer["found"] == answer["failed"] - 1
    assert answer["left"] == [f"step-{answer['found'] - 1}", f"step-{answer['found']}"]
    assert answer["again"] == answer["failed"]
