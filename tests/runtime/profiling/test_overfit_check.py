"""One batch before the long run: what passes, what does not, and that nothing of it is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from declare.compiler.pipeline import check
from declare.runtime.profiling.overfit_check import Trial, problem, trials, warning

SPEC = """declare: 1
name: sane
datasets:
  wine:
    source: {type: sklearn, name: wine}
    transforms: [{type: standardize, field: features}]
    split: {val: 0.3}
model:
  encoder: {type: mlp, hidden: [16], input: features}
tasks:
  kind: {type: classification, dataset: wine, target: label}
phases:
  first: {tasks: [kind], epochs: 6, batch_size: 32, optimizer: OPTIMIZER, schedule: {type: cosine, warmup: 50%}}
  second: {tasks: [kind], epochs: 6, batch_size: 32, optimizer: {type: adamw, lr: 1e-2}}
"""


def tried(folder: Path, optimizer: str) -> list[Trial]:
    """Return the trials of both phases."""
    path = folder / "spec.yaml"
    path.write_text(SPEC.replace("OPTIMIZER", optimizer))
    plan = check(path).plan
    assert plan is not None
    return list(trials(plan, torch.device("cpu")))


def test_phases_that_learn_pass(tmp_path: Path) -> None:
    """Every phase is tried from fresh weights; losses start at even chances."""
    first, second = tried(tmp_path, "{type: adamw, lr: 1e-2}")
    for trial in (first, second):
        assert trial.falls
        assert trial.starts["kind"][1] == pytest.approx(1.0986, abs=1e-3)
        assert not trial.odd
        assert problem(trial) is None
        assert warning(trial) is None
    assert first.first == pytest.approx(second.first, rel=0.2)
    assert not [item for item in tmp_path.iterdir() if item.name != "spec.yaml"]


def test_a_phase_that_cannot_learn_is_found(tmp_path: Path) -> None:
    """A rate of nearly nothing leaves the loss where it was."""
    first, second = tried(tmp_path, "{type: sgd, lr: 1e-9}")
    found = problem(first)
    assert found is not None
    assert found.code == "PHS624"
    assert "first" in found.title
    assert problem(second) is None


@pytest.mark.parametrize("last", [float("nan"), float("inf"), 1.0, 2.0])
def test_what_does_not_fall_is_no_success(last: float) -> None:
    """A loss that stands, rises or is not finite was not learned."""
    assert not Trial("fit", 1.0, last, {"kind": (1.0, None)}, {"kind": last}).falls


def test_an_odd_start_is_a_warning() -> None:
    """A loss twenty times what even chances give is named with both figures."""
    found = warning(Trial("fit", 20.0, 1.0, {"kind": (20.0, 1.1), "other": (5.0, None)}, {}))
    assert found is not None
    assert found.code == "PHS625"
    assert "20" in found.title
    assert "1.1" in found.title


def test_one_loss_that_falls_is_enough() -> None:
    """A balance may raise the weight of another one meanwhile, and with it the sum."""
    starts = {"kind": (1.0, None), "age": (1.0, None)}
    assert Trial("fit", 2.0, 6.0, starts, {"kind": 0.9, "age": 1.0}).falls
    assert not Trial("fit", 2.0, 1.0, starts, {"kind": 1.0, "age": 0.9999}).falls
    assert Trial("fit", -2.0, -2.1, {"counts": (-2.0, None)}, {"counts": -2.1}).falls
