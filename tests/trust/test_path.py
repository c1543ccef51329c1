"""Threat model, line "processes": nothing is imported from the folders of a spec, of a run, or of the call."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from declare.runtime.distributed import ray_cluster
from declare.system.python_process import SAFE_PATH, program_arguments, protect_children
from declare.tune.workers import environments
from tests.trust.planting import plant, ran

SPEC = """declare: 1
name: x
datasets:
  d: {source: {type: csv, path: t.csv}, fields: {a: {type: number}, label: {type: category}}}
model:
  enc: {type: mlp, hidden: [4], input: a}
tasks:
  t: {type: classification, target: label}
phases:
  fit: {steps: 2, batch_size: 8, optimizer: {type: adamw, lr: 0.001}}
tune: {metric: val/t/loss, mode: min, trials: 1, space: {phases.fit.optimizer.lr: {log: [0.001, 0.1]}}}
"""
PROGRAM = """
import json, sys
from tests.trust.planting import plant
from pathlib import Path
from declare.cli.dispatch import run
codes = []
for words in json.loads(sys.argv[1]):
    codes.append(run(words))
    if words[0] == "train":
        plant(Path(words[-1]))
print(json.dumps(codes), file=sys.stderr)
"""


def test_no_command_imports_from_the_folders_of_strangers(tmp_path):
    """Modules in the working folder, the spec's and the run's stay files for every command."""
    spec, run, cwd = tmp_path / "spec" / "spec.yaml", tmp_path / "run", tmp_path / "cwd"
    plant(spec.parent, packages=True)
    plant(cwd)
    spec.write_text(SPEC)
    (spec.parent / "t.csv").write_text("a,label\n" + "".join(f"{i % 7},{'ab'[i % 2]}\n" for i in range(40)))
    commands = [
        ["validate", str(spec)],
        ["train", str(spec), "--run-dir", str(run)],
        ["train", str(spec), "--resume", str(run)],
        ["predict", str(run), "--input", str(spec.parent / "t.csv"), "--output", str(tmp_path / "out.csv")],
        ["inspect", str(run)],
        ["report", str(run)],
        ["tune", str(spec), "--run-dir", str(tmp_path / "search")],
    ]
    own = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    words = [sys.executable, "-P", "-c", PROGRAM, json.dumps(commands)]
    done = subprocess.run(words, cwd=cwd, env=own, capture_output=True, text=True, check=False, timeout=120)
    assert json.loads(done.stderr.splitlines()[-1]) == [0] * len(commands), done.stderr
    assert [ran(place) for place in (cwd, spec.parent, run)] == [[], [], []]


@pytest.mark.parametrize("packages", [False, True])
def test_the_program_is_found_by_its_place(tmp_path, packages):
    """Started by its file it is the package of that file, even where the user's own path leads to another one."""
    plant(tmp_path, ["declare"], packages=packages)
    words = [sys.executable, *program_arguments("--version")]
    own = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        words, cwd=tmp_path, env=own, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert ran(tmp_path) == []


def test_workers_of_a_search_start_with_a_safe_path(tmp_path, monkeypatch):
    """A process that Python's own `multiprocessing` starts takes no module from the current folder."""
    plant(tmp_path)
    monkeypatch.chdir(tmp_path)
    for name, value in environments(1, [])[0].items():
        monkeypatch.setenv(name, value)
    process = multiprocessing.get_context("spawn").Process(target=os.getcwd)
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert ran(tmp_path) == []


@pytest.mark.parametrize(("before", "after"), [(None, "1"), ("", ""), ("1", "1")])
def test_a_safe_path_is_handed_on_unless_the_user_says_otherwise(monkeypatch, before, after):
    """What the program starts, libraries' own processes included, has a safe path; a value that was set stays."""
    monkeypatch.setenv(SAFE_PATH, "")
    monkeypatch.delenv(SAFE_PATH)
    if before is not None:
        monkeypatch.setenv(SAFE_PATH, before)
    protect_children()
    assert os.environ[SAFE_PATH] == after


def test_ray_is_not_told_of_the_current_folder(tmp_path, monkeypatch):
    """Ray puts the folder that it is started in on the path of its workers: that is never the user's."""
    seen = []
    ray = SimpleNamespace(
        is_initialized=lambda: bool(seen), init=lambda **_: seen.append(Path.cwd()), shutdown=lambda: None
    )
    monkeypatch.setattr(ray_cluster, "import_module", lambda _: ray)
    monkeypatch.chdir(tmp_path)
    with ray_cluster.connect_ray():
        assert Path.cwd() == tmp_path
    assert [place for place in seen if place == tmp_path or place.is_relative_to(tmp_path)] == []
    root = Path(__file__).parents[2]
    assert seen[0] == root or not any(seen[0].glob("*"))
