"""Targets from end to end: units of figures and predictions, and shapes that do not go together."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from declare.__main__ import main
from declare.nn.tasks.regression import Regression

SPEC = """\
declare: 1
datasets:
  d:
    source: {type: npz, path: d.npz}
    fields: {x: {type: vector}, yy: {type: FIELD}, sp: {type: category}}
    transforms: [TRANSFORMS]
    split: {column: sp}
model: {enc: {type: mlp, input: x, hidden: [16]}}
tasks: {k: {type: regression, dataset: d, target: yy, metrics: [rmse, mae, r2]}}
phases: {fit: {epochs: 40, batch_size: 16, optimizer: {type: adamw, lr: 1e-2}}}
metrics: {half: 0.5 * val/k/rmse}
hardware: {accelerator: cpu, precision: fp32, workers: 0, compile: false}
tracking: []
"""
LOG = "{type: log, field: yy}"
R = np.random.default_rng(41)
X = R.normal(size=(100, 3)).astype("float32")
Y = np.exp(X @ [1, 0.5, -0.5] + 3)
SPLIT = np.array(["train"] * 70 + ["val"] * 30)


def trained(folder: Path, transforms: str, y: np.ndarray, field: str = "number") -> Mapping[str, float]:
    """Train on targets in `folder`; return the figures of the run."""
    folder.mkdir()
    np.savez(folder / "d.npz", x=X, yy=y, sp=SPLIT)
    (folder / "spec.yaml").write_text(SPEC.replace("TRANSFORMS", transforms).replace("FIELD", field))
    assert main(["train", str(folder / "spec.yaml"), "--run-dir", str(folder / "run"), "--quiet"]) == 0
    figures: Mapping[str, float] = json.loads((folder / "run" / "metrics.json").read_text())
    return figures


def predicted(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> np.ndarray:
    """Return what a run predicts."""
    capsys.readouterr()
    assert main(["predict", str(folder / "run"), *words, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    return np.array([row["k"]["value"] for row in rows])


def test_a_logarithm_in_the_spec_is_a_logarithm_in_the_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both learn the same: one loss, and with the transform all metrics and predictions in the data's units."""
    inside = trained(tmp_path / "inside", LOG, Y)
    outside = trained(tmp_path / "outside", "", np.log(Y))
    assert inside["val/k/loss"] == pytest.approx(outside["val/k/loss"], rel=1e-3)
    values, truth = predicted(tmp_path / "inside", capsys, "--split", "val"), Y[SPLIT == "val"]
    assert inside["val/k/rmse"] == pytest.approx(root_mean_squared_error(truth, values), rel=1e-5)
    assert inside["val/k/mae"] == pytest.approx(mean_absolute_error(truth, values), rel=1e-5)
    assert inside["half"] == pytest.approx(inside["val/k/rmse"] / 2)
    logs = predicted(tmp_path / "outside", capsys, "--split", "val")
    np.testing.assert_allclose(np.log(values), logs, rtol=1e-3, atol=1e-3)
    new = tmp_path / "inside" / "new.npz"
    np.savez(new, x=X[SPLIT == "val"])
    np.testing.assert_allclose(predicted(tmp_path / "inside", capsys, "--input", str(new)), values, rtol=1e-5)
    assert main(["evaluate", str(tmp_path / "inside" / "run"), "--split", "val", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["val/k/rmse"] == pytest.approx(inside["val/k/rmse"])
    assert main(["plan", str(tmp_path / "inside" / "spec.yaml"), "--quick"]) == 0
    assert "learned after log" in capsys.readouterr().out
    assert main(["report", str(tmp_path / "inside" / "run"), "--format", "json"]) == 0
    assert "learned after log" in json.loads(capsys.readouterr().out)["tasks"][0]["units"]


def test_outputs_of_two_scales_are_both_learned(tmp_path: Path) -> None:
    """A large offset of one output hides nothing of another: both are linear in the input."""
    y = np.stack([X @ [1, 2, 0] + 1e4, X @ [0, 0, 1]], 1).astype("float32")
    figures = trained(tmp_path / "two", "", y, "vector")
    assert figures["val/k/r2"] > 0.9
    standardized = trained(tmp_path / "three", "{type: standardize, field: yy}", y, "vector")
    assert standardized["val/k/r2"] == pytest.approx(figures["val/k/r2"], abs=0.02)
    assert standardized["val/k/mae"] == pytest.approx(figures["val/k/mae"], rel=0.1)


def test_an_adapter_that_gives_columns_is_found_at_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Targets [B, 1] for outputs [B] end with the finding and not with a spread of everything with everything."""
    learned = Regression.target
    monkeypatch.setattr(Regression, "target", lambda self, batch: learned(self, batch).unsqueeze(-1))
    np.savez(tmp_path / "d.npz", x=X, yy=Y, sp=SPLIT)
    (tmp_path / "spec.yaml").write_text(SPEC.replace("TRANSFORMS", "").replace("FIELD", "number"))
    words = ["train", str(tmp_path / "spec.yaml"), "--run-dir", str(tmp_path / "run"), "--quiet"]
    assert main(words) not in {0, 3}
    assert "error[LOS432]" in capsys.readouterr().err
