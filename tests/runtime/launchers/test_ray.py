"""Ray trains the model that the launcher trains; what can be said without a cluster is said without one."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch

from declare.__main__ import main
from declare.contract.problem import Problem
from declare.ir.plan import Plan
from declare.runtime.checkpoint.safetensors_io import read_tensors
from declare.runtime.distributed import event_pipe, heartbeat
from declare.runtime.run_folder.folder import Run, create

ROOT = Path(__file__).parents[3]
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
    monkeypatch.setattr("declare.system.extras.find_spec", lambda _: None)
    assert main(["train", "spec.yaml", "--engine", "ray", "--format", "json"]) == 2
    found = json.loads(capsys.readouterr().out)["diagnostics"]
    assert [item["code"] for item in found] == ["RES852"]
    assert "[ray]" in found[0]["helps"][0]


@pytest.mark.parametrize("words", [["--nodes", "2"], ["--rdzv", "a:1"]])
def test_machines_are_not_named_to_ray(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Ray knows its machines; options that name some are refused before anything starts."""
    assert main(["train", "spec.yaml", "--engine", "ray", *words]) == 2
    assert f"{words[0]} and --engine ray" in capsys.readouterr().err


class WorkerGroupError(Exception):
    """What Ray raises when workers failed."""

    worker_failures: dict[int, Exception]


Fit = Callable[[Any], None]


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Callable[[Fit], None]:
    """Return what puts a cluster in the place of Ray whose workers do what a function does with their task."""

    def install(fit: Fit) -> None:
        def make(_: Any, train_loop_config: dict[str, Any], **__: Any) -> SimpleNamespace:
            return SimpleNamespace(fit=lambda: fit(train_loop_config["task"]))

        modules = {name: ModuleType(name) for name in ("ray", "ray.train", "ray.train.torch")}
        modules["ray"].__spec__ = ModuleSpec("ray", None)
        vars(modules["ray"]).update(
            is_initialized=lambda: True,
            cluster_resources=lambda: {"CPU": 2.0},
            available_resources=lambda: {"CPU": 1.0},
        )
        names = ("ScalingConfig", "RunConfig", "FailureConfig")
        vars(modules["ray.train"]).update(dict.fromkeys(names, SimpleNamespace))
        vars(modules["ray.train.torch"]).update(TorchTrainer=make, TorchConfig=SimpleNamespace)
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)

    return install


def tell(capture: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any], str]:
    """Run `dcl train spec.yaml --engine ray --procs 2` and return exit code, answer and standard error."""
    code = main(["train", "spec.yaml", "--engine", "ray", "--procs", "2", "--format", "json", *words])
    said = capture.readouterr()
    return code, json.loads(said.out), said.err


def failed(**ranks: str) -> WorkerGroupError:
    """Return the failure of workers: what each of them said."""
    error = WorkerGroupError("workers failed")
    error.worker_failures = {int(name[1:]): RuntimeError(text) for name, text in ranks.items()}
    return error


def test_deaths_start_anew_and_end_at_the_same_step(
    ray: Callable[[Fit], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """A worker that dies is told of once; a second death at its step ends the run, which stands as failed."""
    tasks: list[Any] = []

    def fit(task: Any) -> None:
        tasks.append(task)
        folder = Path("r")
        if not folder.exists():
            create(Plan.model_validate_json(task.plan), task.spec_text, folder)
        Path(task.launch, "run").write_text("r")
        heartbeat.start(Path(task.launch), 1)(7)
        raise failed(r1="no more memory")

    ray(fit)
    code, answer, told = tell(capsys, "--run-dir", "r")
    assert code == 4
    assert [item["code"] for item in answer["diagnostics"]] == ["HW712"]
    assert "process 1 of 2 died at step 7 again: RuntimeError: no more" in answer["diagnostics"][0]["title"]
    assert told.count("HW711") == 1
    assert [task.train_options["resume"] for task in tasks] == [False, True]
    assert len({task.launch for task in tasks}) == 2
    assert len(list(Run("r").events("process_died"))) == 2


def test_refusals_of_workers_are_ours(ray: Callable[[Fit], None], capsys: pytest.CaptureFixture[str]) -> None:
    """What keeps a worker from starting ends the command as it would without Ray."""
    problem = Problem("RES803", "the run folder `r` is not empty")
    refusal = event_pipe.Result(2, problems=(problem,), refused=True)
    ray(lambda task: event_pipe.write_result(Path(task.launch), refusal))
    code, answer, _ = tell(capsys)
    assert code == 2
    assert [item["code"] for item in answer["diagnostics"]] == ["RES803"]


def test_a_cluster_that_breaks_down_is_said(
    ray: Callable[[Fit], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """An error of Ray itself is a finding, no traceback."""

    def fit(task: Any) -> None:
        raise ConnectionError("the head has gone")

    ray(fit)
    code, answer, _ = tell(capsys)
    assert code == 2
    assert [item["code"] for item in answer["diagnostics"]] == ["HW713"]
    assert "the head has gone" in answer["diagnostics"][0]["notes"][0]


def test_a_full_cluster_is_said_while_waiting(
    ray: Callable[[Fit], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no worker begins for long, a warning says once what is wanted and what is free."""
    monkeypatch.setattr("declare.runtime.launchers.ray._PATIENCE_SECONDS", 0.3)

    def fit(task: Any) -> None:
        time.sleep(1.0)
        create(Plan.model_validate_json(task.plan), task.spec_text, Path("r"))
        event_pipe.write_result(Path(task.launch), event_pipe.Result(75, "r"))

    ray(fit)
    code, _, told = tell(capsys)
    assert code == 75
    assert told.count("HW714") == 1
    assert "2 CPUs wanted, 1 CPUs and 0 GPUs free" in told


def test_an_address_without_a_cluster_is_said(
    ray: Callable[[Fit], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`RAY_ADDRESS` is the user's word: nothing else is started in its place."""

    def init(address: str, **_: Any) -> None:
        raise ConnectionError(f"nobody at {address}")

    ray(lambda _: None)
    vars(sys.modules["ray"]).update(is_initialized=lambda: False, init=init, shutdown=lambda: None)
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    code, answer, _ = tell(capsys)
    assert code == 2
    assert [item["code"] for item in answer["diagnostics"]] == ["HW713"]


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


def test_a_slow_start_is_no_full_cluster(
    ray: Callable[[Fit], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is room, workers that take long to begin are not talked about."""
    monkeypatch.setattr("declare.runtime.launchers.ray._PATIENCE_SECONDS", 0.3)

    def fit(task: Any) -> None:
        time.sleep(1.0)
        create(Plan.model_validate_json(task.plan), task.spec_text, Path("r"))
        event_pipe.write_result(Path(task.launch), event_pipe.Result(75, "r"))

    ray(fit)
    vars(sys.modules["ray"]).update(available_resources=lambda: {"CPU": 2.0})
    _, _, told = tell(capsys)
    assert "HW714" not in told


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


def test_only_rays_own_talk_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker writes keeps warnings and what others say; the reports that Ray logs are not in it."""
    import logging

    from declare.runtime.launchers import ray_worker

    written: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(record.getMessage())

    handler = Handler()
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    ray_worker._silence_library(tmp_path / "ray")
    for level, place, text in (
        (logging.INFO, tmp_path / "ray/train/context.py", "Reporting training result 1"),
        (logging.WARNING, tmp_path / "ray/train/context.py", "a worker is slow"),
        (logging.INFO, tmp_path / "mine.py", "my own line"),
    ):
        logging.getLogger().handle(logging.LogRecord("any", level, str(place), 1, text, (), None))
    assert written == ["a worker is slow", "my own line"]
