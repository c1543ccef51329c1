"""Figures of whole runs, against numpy and scikit-learn on what `dcl predict` writes and what the file holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as reference

from declare.__main__ import main

SPEC = """
declare: 1
datasets:
  d:
    source: {{type: npz, path: d.npz}}
    fields: {{x: {{type: vector}}, y: {{type: {kind}}}, sp: {{type: category}}}}
    split: {{column: sp}}
model: {{enc: {{{model}, input: x}}}}
tasks: {{k: {{type: {task}, dataset: d, target: y, metrics: [{metrics}]}}}}
phases: {{fit: {{epochs: {epochs}, batch_size: 16, optimizer: {{type: {optimizer}}}}}}}
hardware: {{accelerator: cpu, precision: fp32, workers: 0, compile: false}}
"""
Trained = Callable[..., tuple[dict[str, float], list[Any]]]


@pytest.fixture
def trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Trained:
    """Return a function that trains on arrays and gives the metrics, and predictions of the validation split."""

    def train(columns: dict[str, Any], **words: object) -> tuple[dict[str, float], list[Any]]:
        np.savez(tmp_path / "d.npz", **columns)
        (tmp_path / "spec.yaml").write_text(SPEC.format(**words))
        run = str(tmp_path / "out")
        assert main(["train", str(tmp_path / "spec.yaml"), "--run-dir", run, "--quiet"]) == 0
        capsys.readouterr()
        assert main(["predict", run, "--split", "val", "--format", "json"]) == 0
        rows = json.loads(capsys.readouterr().out)["rows"]
        figures = json.loads((tmp_path / "out" / "metrics.json").read_text())
        return figures, rows

    return train


def test_sums_do_not_cancel_beside_a_large_mean(trained: Trained) -> None:
    """Explained variance and relative squared error of values far from zero are scikit-learn's."""
    rng = np.random.default_rng(50)
    x = rng.normal(size=(300, 3)).astype("float32")
    y = x @ [1, 2, -1] + rng.normal(size=300) * 0.5 + 1e4
    found, rows = trained(
        {"x": x, "y": y, "sp": np.array(["train"] * 150 + ["val"] * 150)},
        kind="number",
        model="type: mlp, hidden: [16]",
        task="regression",
        epochs=8,
        metrics="r2, explained_variance, relative_squared_error",
        optimizer="adamw, lr: 1e-2",
    )
    said = np.array([row["k"]["value"] for row in rows])
    expected = reference.explained_variance_score(y[150:], said)
    assert found["val/k/explained_variance"] == pytest.approx(expected, rel=1e-9)
    r2 = reference.r2_score(y[150:], said)
    assert found["val/k/r2"] == pytest.approx(r2, rel=1e-9)
    assert found["val/k/relative_squared_error"] == pytest.approx(1 - r2, rel=1e-9)


def test_certain_predictions_are_ranked(trained: Trained) -> None:
    """A model whose scores rank as one number does has that number's areas, however certain it is."""
    rng = np.random.default_rng(30)
    x = rng.normal(size=400) * 40
    label = (x + rng.normal(size=400) * 30 > 0).astype(int)
    found, _ = trained(
        {"x": x[:, None].astype("float32"), "y": label, "sp": np.array(["train"] * 200 + ["val"] * 200)},
        kind="category",
        model="type: identity",
        task="classification",
        epochs=30,
        metrics="auroc, average_precision",
        optimizer="sgd, lr: 0.5",
    )
    x, label = x[200:].astype("float32"), label[200:]
    area = reference.roc_auc_score(label, x)
    both = [reference.average_precision_score(label, x), reference.average_precision_score(1 - label, -x)]
    assert found["val/k/auroc"] == pytest.approx(area)
    assert found["val/k/average_precision"] == pytest.approx(np.mean(both))


def test_large_numbers_are_read_and_judged_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of times in seconds no repeats are made up; the error is that of what is written against what the file holds."""
    times = 1_700_000_000 + np.arange(120)
    values = 1.7e9 + np.round(np.sin(np.arange(120) / 8) * 100, 1)
    rows = "".join(f"{time},{value:.1f}\n" for time, value in zip(times, values, strict=True))
    (tmp_path / "d.csv").write_text("t,y\n" + rows)
    spec = SPEC.replace("npz, path: d.npz", "csv, path: d.csv").replace("{column: sp}", "{val: 0.25}")
    spec = spec.replace("x: {{type: vector}}", "t: {{type: number}}").replace(", sp: {{type: category}}", "")
    spec = spec.replace("    split:", "    transforms: [{{type: standardize, field: t}}]\n    split:")
    words = {"kind": "number", "model": "type: tabular, width: 8", "task": "regression", "metrics": "mae, r2"}
    text = spec.format(epochs=2, optimizer="adamw, lr: 1e-2", **words).replace("input: x", "input: [t]")
    (tmp_path / "spec.yaml").write_text(text)
    run = str(tmp_path / "out")
    assert main(["data", "check", str(tmp_path / "spec.yaml"), "--format", "json"]) == 0
    assert '"within": 0' in json.dumps(json.loads(capsys.readouterr().out))
    assert main(["train", str(tmp_path / "spec.yaml"), "--run-dir", run, "--quiet"]) == 0
    capsys.readouterr()
    assert main(["predict", run, "--split", "val", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)["rows"]
    true = values[[int(row["sample"].split()[-1]) - 2 for row in found]]
    said = np.array([row["k"]["value"] for row in found])
    figures = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert figures["val/k/mae"] == pytest.approx(np.abs(said - true).mean(), rel=1e-12)
    assert figures["val/k/r2"] == pytest.approx(reference.r2_score(true, said), rel=1e-9)
