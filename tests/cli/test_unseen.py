"""Runs whose terminal is closed, whose reader goes away, or that were started with closed streams."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from declare.runtime.run_folder.folder import Run

ROOT = Path(__file__).parents[2]
SPEC = """
declare: 1
name: unseen
datasets:
  d: {source: {type: simulated, name: regression, samples: 40}}
model:
  encoder: {type: mlp, hidden: [2], input: features}
tasks:
  t: {type: regression, target: target}
phases:
  fit: {steps: STEPS, batch_size: 4, optimizer: {type: sgd, lr: 1e-4}, evaluate: {every: 20 steps}}
tracking: []
"""
PROGRAM = [sys.executable, "-P", str(ROOT / "declare" / "__main__.py")]


def environment() -> dict[str, str]:
    return os.environ | {"OMP_NUM_THREADS": "1", "NO_COLOR": "1"}


def spec(folder: Path, steps: int) -> None:
    (folder / "spec.yaml").write_text(SPEC.replace("STEPS", str(steps)))


def wait_for(path: Path, text: str = "evaluated") -> None:
    """Wait until a run has evaluated once."""
    for _ in range(600):
        if path.is_file() and text in path.read_text():
            return
        time.sleep(0.1)
    raise AssertionError(f"{path} never said {text}")


def show(terminal: int) -> None:
    """Take what a terminal is sent, as its window does, until it is closed."""
    with contextlib.suppress(OSError):
        while os.read(terminal, 4096):
            pass


def test_a_closed_terminal_ends_no_run(tmp_path: Path) -> None:
    """The terminal hangs up (SIGHUP) and takes no more bytes; the run ends with 0, and has written its report."""
    spec(tmp_path, 800)
    process, terminal = pty.fork()
    if not process:
        os.chdir(tmp_path)
        os.execve(sys.executable, [*PROGRAM, "train", "spec.yaml", "--run-dir", "run"], environment())
    threading.Thread(target=show, args=[terminal], daemon=True).start()
    wait_for(tmp_path / "run" / "events.jsonl")
    os.close(terminal)
    os.kill(process, signal.SIGHUP)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert Run(tmp_path / "run").status == "finished"
    assert (tmp_path / "run" / "report.html").is_file()


@pytest.mark.parametrize("asked", [False, True])
def test_a_reader_that_goes_away_ends_no_run(tmp_path: Path, asked: bool) -> None:
    """`dcl train 2>&1 | head -1` goes on and ends with 0; a request to stop is heard, saved and said by 75."""
    spec(tmp_path, 10**7 if asked else 800)
    words = [*PROGRAM, "train", "spec.yaml", "--run-dir", "run"]
    process = subprocess.Popen(
        words, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    process.stdout.close()
    wait_for(tmp_path / "run" / "events.jsonl")
    if asked:
        process.terminate()
    assert process.wait(timeout=120) == (75 if asked else 0)
    run = Run(tmp_path / "run")
    assert run.status == ("stopped" if asked else "finished")
    assert run.checkpoints()


@pytest.mark.parametrize("words", [["list"], ["validate", "spec.yaml", "--format=json"], ["--version"]])
def test_output_that_cannot_be_written_is_said_in_one_line(tmp_path: Path, words: list[str]) -> None:
    """A full disk (`dcl list > /dev/full`) is no bug of ours: one line on standard error, exit code 2."""
    spec(tmp_path, 4)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*PROGRAM, *words],
            check=False,
            cwd=tmp_path,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
        )
        unseen = subprocess.run([*PROGRAM, *words], check=False, cwd=tmp_path, stdout=full, stderr=full)
    assert done.stderr.decode().splitlines() == [
        "error: standard output cannot be written: no space left on device"
    ]
    assert (done.returncode, unseen.returncode) == (2, 2)


@pytest.mark.parametrize("more", [[], ["--procs=2"]])
def test_a_run_whose_output_cannot_be_written_is_trained_to_its_end(tmp_path: Path, more: list[str]) -> None:
    """Its exit code tells of the output; the run folder is whole."""
    spec(tmp_path, 4)
    words = [*PROGRAM, "train", "spec.yaml", "--run-dir", "run", *more]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            words, check=False, cwd=tmp_path, env=environment(), stdout=full, stderr=subprocess.PIPE
        )
    assert done.returncode == 2
    assert b"standard output cannot be written: no space left on device" in done.stderr
    assert Run(tmp_path / "run").status == "finished"
    assert (tmp_path / "run" / "report.html").is_file()


CLOSED = """
import os, sys
for number in (0, 1, 2):
    os.close(number)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def test_closed_streams_are_nowhere(tmp_path: Path) -> None:
    """With all three descriptors closed, no file of ours becomes one of them, and the command does its work."""
    code = (
        "import os, sys; from declare.cli.streams import open_streams; open_streams(); "
        f"file = open({str(tmp_path / 'file')!r}, 'w'); os.write(1, b'x'); os.write(2, b'x'); print('y'); "
        "print('z', file=sys.stderr); file.write(str(file.fileno()))"
    )
    subprocess.run([sys.executable, "-c", CLOSED, "-c", code], check=True, cwd=ROOT)
    assert int((tmp_path / "file").read_text()) > 2
    assert json.loads((tmp_path / "file").read_text()) == int((tmp_path / "file").read_text())
