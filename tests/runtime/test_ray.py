"""Ray trains the model that the launcher trains; what can be said without a cluster is said without one."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from declare.__main__ import main
from declare.runtime.folder import Run
from declare.runtime.tensors import read_tensors

ROOT = Path(__file__).parents[2]
SPEC = """
declare: 1
name: tiny
seed: 5
datasets:
  d:
    source: {type: simulated, name: stimulus, samples: 60, subjects: 8, classes: 3, channels: 3, length: 10}
    split: {val: 0.25, by: subject}
model:
  encoder: {type: conv1d, channels: [4], norm: none, dropout: 0.0}
tasks:
  label: {type: classification, dataset: d, target: stimulus}
phases:
  fit: {steps: 20, batch_size: 12, evaluate: {every: 10 steps}, optimizer: {type: adamw, lr: 1e-2}}
tracking: []
hardware: {accelerator: cpu, precision: fp32}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(SPEC)


def test_without_ray_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the library is not installed, the finding says which extra brings it."""
    monkeypatch.setattr("declare.contract.extras.find_spec", lambda _: None)
    assert main(["train", "spec.yaml", "--engine", "ray", "--format", "json"]) == 2
    found = json.loads(capsys.readouterr().out)["diagnostics"]
    assert [item["code"] for item in found] == ["RES852"]
    assert "[ray]" in found[0]["helps"][0]


@pytest.mark.parametrize("words", [["--nodes", "2"], ["--rdzv", "a:1"]])
def test_machines_are_not_named_to_ray(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Ray knows its machines; options that name some are refused before anything starts."""
    assert main(["train", "spec.yaml", "--engine", "ray", *words]) == 2
    assert f"{words[0]} and --engine ray" in capsys.readouterr().err


def train(*words: str) -> subprocess.CompletedProcess[str]:
    """Run `dcl train spec.yaml --procs 2` in a process of its own, with a cluster of its own where Ray is asked."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": "1",
        "RAY_ADDRESS": "local",
        "DECLARE_CACHE_DIR": str(Path("cache").absolute()),
    }
    command = [sys.executable, "-m", "declare", "train", "spec.yaml", "--procs", "2", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=170, check=False)


def weights(folder: str) -> torch.Tensor:
    """Return all weights of a run in one vector."""
    found = read_tensors(Run(folder).weights_path("last"))
    return torch.cat([found[key].double().flatten() for key in sorted(found)])


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
def test_ray_trains_the_model_of_the_launcher() -> None:
    """The same weights to rounding, the folder and metrics as JSON alone on standard output, events of rank 0 on the other."""
    ours = train("--run-dir", "ours", "--quiet")
    assert ours.returncode == 0, ours.stderr
    rays = train("--run-dir", "rays", "--engine", "ray", "--format", "json")
    assert rays.returncode == 0, rays.stderr
    answer = json.loads(rays.stdout)
    assert answer["run"] == "rays"
    assert answer["metrics"] == pytest.approx(Run("ours").final, rel=1e-3, abs=1e-4)
    assert "fit 20/20" in rays.stderr
    one, two = weights("ours"), weights("rays")
    assert float((one - two).norm() / one.norm()) < 1e-5
    started = next(Run("rays").events("run_started"))
    assert started["processes"] == 2
    assert Path("rays/report.html").is_file()
    assert not list(Path().glob(".launch-*"))
