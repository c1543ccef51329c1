"""Training in several processes from the command line: results, deaths, signals, refusals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from declare.__main__ import main
from declare.runtime.checkpoint.safetensors_io import read_tensors
from declare.runtime.run_folder.folder import Run
from declare.system.python_process import program_arguments
from tests.harness import forkserver
from tests.trust.planting import plant, ran

pytestmark = pytest.mark.slow
SPEC = """
declare: 1
name: group
datasets:
  lab:
    source: {type: simulated, name: stimulus, samples: 240, subjects: 8, classes: 3, channels: 3, length: 10}
    transforms: [{type: temporal_pool, field: features}]
    split: {val: 0.25, by: subject}
model:
  stem: {type: python, file: stem.py, name: Stem, input: features}
  encoder: {type: mlp, input: stem, hidden: [8], dropout: 0.1}
tasks:
  stimulus: {type: classification, dataset: lab, target: stimulus}
phases:
  fit: {steps: 120, batch_size: 20, optimizer: {type: adamw, lr: 1e-2}, checkpoint: {every: EVERY steps}}
hardware: {accelerator: cpu, devices: 2}
"""
STEM = """
import os, signal, time
from pathlib import Path
from torch import nn

class Stem(nn.Module):
    def __init__(self):
        super().__init__()
        self.count = 0

    def forward(self, x):
        self.count += self.training
        how = os.environ.get("HOW", "")
        if how == "slowly":
            time.sleep(0.02 * self.training)
        if self.count == 30 and os.environ.get("RANK") == "1" and self.training:
            if how == "raise":
                raise RuntimeError("the pump is dry")
            if how == "die" or (how == "die once" and not Path("died").exists()):
                Path("died").touch()
                os.kill(os.getpid(), signal.SIGKILL)
        return x
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Write a spec with code of the user's own that does as the environment says, among modules of a stranger."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(SPEC.replace("EVERY", "10"))
    (tmp_path / "stem.py").write_text(STEM)
    plant(tmp_path)
    yield
    assert ran(tmp_path) == []


def words(name: str, *more: str) -> list[str]:
    """Return the command that trains into a folder."""
    import hashlib

    trust = f"stem.py@sha256:{hashlib.sha256(STEM.encode()).hexdigest()}"
    where = [] if "--resume" in " ".join(more) else ["--run-dir", name]
    command = [sys.executable, *program_arguments("train", "spec.yaml")]
    return [*command, *where, "--trust", trust, *more]


def environment(how: str) -> dict[str, str]:
    """Return the environment of a command."""
    root = Path(__file__).parents[2]
    return os.environ | {"HOW": how, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}


def run(name: str, *more: str, how: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    launcher = "tests.harness.forking_launcher"
    return forkserver.run(launcher, *words(name, *more)[3:], cwd=Path.cwd(), env=environment(how))


def weights(name: str) -> torch.Tensor:
    """Return all weights of a run in one vector."""
    found = read_tensors(Run(Path(name)).weights_path("last"))
    return torch.cat([found[key].flatten() for key in sorted(found)])


def wait_for(name: str, step: int, done: Callable[[], object]) -> None:
    """Wait until a run has come to a step."""
    for _ in range(1200):
        if (
            any(event.get("total", 0) >= step for event in Run(Path(name)).events())
            if Path(name).is_dir()
            else False
        ):
            return
        assert done() is None
        time.sleep(0.1)
    raise AssertionError("the run did not come so far")


def test_a_process_that_dies_is_told_once_and_the_run_goes_on_to_the_same_bits() -> None:
    """After `kill -9` of one process all start anew from the last checkpoint; the end is that of an undisturbed run."""
    clean, killed = run("clean"), run("killed", how="die once")
    assert clean.returncode == 0, clean.stderr
    assert killed.returncode == 0, killed.stderr
    assert killed.stderr.count("HW711") == 1
    assert "process 1 of 2 died at step 29: killed by SIGKILL" in killed.stderr
    assert "Traceback" not in killed.stderr
    assert torch.equal(weights("clean"), weights("killed"))
    assert [(event["rank"], event["at"]) for event in Run(Path("killed")).events("process_died")] == [(1, 29)]
    events = [event["event"] for event in Run(Path("killed")).events()]
    assert events.count("process_died") == 1
    assert events.count("run_started") == 2


def test_a_process_that_dies_again_at_the_same_step_ends_the_run() -> None:
    """Two attempts that die at one step are enough."""
    Path("spec.yaml").write_text(SPEC.replace("EVERY", "120"))
    ended = run("loop", how="die")
    assert ended.returncode == 4
    assert "HW712" in ended.stderr
    assert "died at step 29 again" in ended.stderr


def test_an_error_of_one_process_is_shown_once() -> None:
    """What one process raises ends all of them, with its rank and its words, and is in the events."""
    ended = run("raised", how="raise")
    assert ended.returncode == 4
    assert ended.stderr.count("RuntimeError: the pump is dry") == 1
    assert "in the process of rank 1" in ended.stderr
    assert [event["code"] for event in Run(Path("raised")).events("run_failed")] == ["PHS621"]


def test_sigterm_saves_and_the_run_goes_on_in_one_process() -> None:
    """A stopped run of two processes exits with 75 and is continued, here by one process."""
    with Path("log").open("w") as log:
        process = subprocess.Popen(words("stopped"), env=environment("slowly"), stdout=log, stderr=log)
    wait_for("stopped", 20, process.poll)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 75
    again = run("stopped", "--resume=stopped", "--procs", "1")
    assert again.returncode == 0, again.stderr
    assert len(Run(Path("stopped")).final) > 2


def test_devices_must_be_shared_sensibly(capsys: pytest.CaptureFixture[str]) -> None:
    """Contradictions are refused before anything starts."""
    assert main(["train", "spec.yaml", "--gpus", "2", "--procs", "2"]) == 2
    assert "contradict each other" in capsys.readouterr().err
    assert main([*words("x")[3:], "--nodes", "2", "--format", "json"]) == 2
    assert "--rdzv HOST:PORT" in json.loads(capsys.readouterr().out)["error"]["hint"]
    assert main(words("x", "--set", "hardware.strategy=single")[3:]) == 1
    assert "HW708" in capsys.readouterr().err


def test_the_codes_of_processes_are_known() -> None:
    """Those that no example can show have a page."""
    from declare.diagnostics.codes import codes

    assert {"HW710", "HW711", "HW712", "HW715", "HW716"} <= set(codes())
