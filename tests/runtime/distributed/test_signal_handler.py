"""Stopping on request and failing disks: the state is saved, or the one before it stays."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from declare.runtime.run_folder.folder import Run
from tests.harness import fake_builder
from tests.harness.fake_builder import train
from tests.harness.forkserver import ForkedProcess

ROOT = Path(__file__).parents[3]


def start(place):
    """Start a slow training process and wait until it trains."""
    process = ForkedProcess("tests.harness.slow_training", str(place), new_session=True)
    process.wait_for("training\n")
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_group_saves_and_exits_75(tmp_path, number):
    """Ctrl-C and SIGTERM end the run with status 75, its state saved, and no traceback."""
    process = start(tmp_path / "run")
    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 75
    assert "Traceback" not in errors
    run = Run(tmp_path / "run")
    assert run.status == "stopped"
    assert run.checkpoints()[0].step == next(run.events("run_stopped"))["total"]


LEAVING = """
import os, signal, sys, time
from declare.runtime.distributed.signal_handler import StopFlag

with StopFlag() as flag:
    for _ in range(2):  # delivered twice at once: one request
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.6)
    assert flag.reason == "SIGTERM"
    print("saving", flush=True)
    os.kill(os.getpid(), int(sys.argv[1]))
    print("still here", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_leaves_at_once(number):
    """A signal that comes twice at once is one request; one after it ends the process, whatever it is doing."""
    done = subprocess.run(
        [sys.executable, "-c", LEAVING, str(int(number))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "saving\n"
    assert done.returncode == -number


def test_a_disk_that_fills_up_fails_the_run_and_keeps_its_state(tmp_path, monkeypatch):
    """No space left in the middle of a run is RES804 with status 4; the last checkpoint is whole and continues."""
    torch.set_num_threads(1)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    plan = fake_builder.make_plan(fake_builder.phase(checkpoint_every=4))
    write = os.write
    full = {"now": False}

    def refuse(descriptor, data):
        if full["now"] and len(data) > 1000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data)

    def fill(step, batch):
        full["now"] = step >= 10
        return batch

    monkeypatch.setattr(os, "write", refuse)
    outcome = train(plan, "x", tmp_path / "run", make_builder=lambda *a: fake_builder.FakeBuilder(a[0], fill))
    assert (outcome.status, outcome.problems[0].code) == (4, "RES804")
    assert [saved.step for saved in Run(tmp_path / "run").checkpoints()] == [8]
    full["now"] = False
    monkeypatch.setattr(os, "write", write)
    again = train(plan, "x", tmp_path / "run", resume=True, make_builder=fake_builder.make)
    assert again.status == 0
    clean = train(plan, "x", tmp_path / "clean", make_builder=fake_builder.make)
    assert again.metrics == clean.metrics


def test_a_disk_that_is_too_small_is_said_before_the_first_step(tmp_path):
    """A plan that keeps more checkpoints than the disk holds fails before it trains."""
    plan = fake_builder.make_plan(
        fake_builder.phase(keep_checkpoints=10**12, steps=10**12, checkpoint_every=1)
    )
    outcome = train(plan, "x", tmp_path / "run", make_builder=fake_builder.make)
    assert (outcome.status, outcome.problems[0].code) == (4, "RES804")
    assert not list(Run(tmp_path / "run").events("phase_started"))


def test_two_processes_do_not_train_in_one_folder(tmp_path):
    """A run that is going on cannot be continued by a second process; after `kill -9` it can."""
    from declare.contract.problem import ProblemError

    process = start(tmp_path / "run")
    plan = fake_builder.make_plan(fake_builder.phase(steps=400))
    with pytest.raises(ProblemError) as caught:
        train(plan, "x", tmp_path / "run", resume=True, make_builder=fake_builder.make)
    assert caught.value.problem.code == "RES805"
    assert f"process {process.pid} " in caught.value.problem.notes[0]
    process.kill()
    process.communicate()
    assert train(plan, "x", tmp_path / "run", resume=True, make_builder=fake_builder.make).status == 0


AFTERWARDS = """
import os, signal, time
from declare.runtime.distributed.signal_handler import StopFlag

signal.signal(signal.SIGTERM, lambda *_: print("heard", flush=True))
with StopFlag() as flag:
    os.kill(os.getpid(), signal.SIGTERM)
    assert flag.raised
time.sleep(0.6)
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_the_handlers_of_the_caller_are_theirs_again():
    """A run that ends right after it was asked to stop leaves nothing behind that acts later."""
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", AFTERWARDS], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "heard\n")


ORPHAN = """
import os, signal, time
from pathlib import Path
from declare.runtime.distributed.signal_handler import StopFlag

with StopFlag() as flag:
    print("ready", flush=True)
    while os.getppid() == flag._parent:
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
    Path(os.environ["SAID"]).write_text(flag.reason)
    os._exit(0)
"""
LAUNCHER = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", os.environ["CHILD"]], stdout=subprocess.PIPE)
child.stdout.readline()
os._exit(0)
"""


@pytest.mark.parametrize(("launch", "reason"), [("x", "its launcher has gone"), (None, "SIGTERM")])
def test_the_death_of_the_launcher_is_told_from_a_request(tmp_path, launch, reason):
    """A signal that comes with the launcher's end says so; one to a process that nobody launched is a request."""
    said = tmp_path / "said"
    environment = {**os.environ, "CHILD": ORPHAN, "SAID": str(said)}
    environment.pop("DECLARE_LAUNCH", None)
    if launch:
        environment["DECLARE_LAUNCH"] = launch
    subprocess.run([sys.executable, "-c", LAUNCHER], cwd=ROOT, env=environment, check=True, timeout=60)
    until = time.monotonic() + 30
    while not (said.exists() and said.read_text()) and time.monotonic() < until:
        time.sleep(0.02)
    assert said.read_text() == reason
