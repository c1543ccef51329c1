"""Packages that trackers and searches need are looked for before anything runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from declare.compiler.pipeline import check
from declare.parsing.lookup import find, names

SPEC = """\
declare: 1
datasets:
  lab:
    source: {type: simulated, name: stimulus, samples: 40, subjects: 8, classes: 3, channels: 3, length: 10}
    transforms: [{type: temporal_pool, field: features}]
model:
  encoder: {type: mlp, input: features, hidden: [4]}
tasks:
  stimulus: {type: classification, dataset: lab, target: stimulus}
phases:
  fit: {epochs: 1, batch_size: 10, optimizer: {type: adamw, lr: 1e-3}}
"""
TRACKERS = [name for name in names("trackers") if find("trackers", name).package]
TUNE = "tune: {metric: val/stimulus/accuracy, mode: max, %s, space: {phases.fit.optimizer.lr: {log: [1e-4, 1e-2]}}}\n"


def findings(folder: Path, more: str) -> dict[str, tuple[str, str]]:
    """Return place and help of each finding by its code."""
    (folder / "spec.yaml").write_text(SPEC + more)
    found = check(folder / "spec.yaml").diagnostics
    return {item.code: (item.path, item.helps[0] if item.helps else "") for item in found}


@pytest.mark.parametrize("name", TRACKERS)
def test_a_tracker_without_its_package_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """RES850 stands at the tracker, alone or in a list, with the extra to install; with the package nothing does."""
    monkeypatch.setitem(sys.modules, name, None)
    path, fix = findings(tmp_path, f"tracking: [csv, {name}]\n")["RES850"]
    assert (path, f"declare-trainer[{name}]" in fix) == ("tracking.1", True)
    assert findings(tmp_path, f"tracking: {{type: {name}}}\n")["RES850"][0] == "tracking"
    monkeypatch.setitem(sys.modules, name, sys)
    assert "RES850" not in findings(tmp_path, f"tracking: {name}\n")


@pytest.mark.parametrize(
    ("stated", "missing", "path"),
    [
        ("engine: ray", "ray", "tune.engine"),
        ("engine: ray, sampler: tpe", "optuna", "tune.sampler"),
        ("engine: optuna", "optuna", "tune.engine"),
    ],
)
def test_a_search_without_its_package_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stated: str, missing: str, path: str
) -> None:
    """HW717 warns: training does not need it."""
    for name in ("ray", "optuna"):
        monkeypatch.setitem(sys.modules, name, None if name == missing else sys)
    place, fix = findings(tmp_path, TUNE % stated)["HW717"]
    assert place == path
    assert "declare-trainer[" in fix
