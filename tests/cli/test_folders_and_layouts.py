"""Folders and arrays from the command line: what is passed over is printed, swapped axes are mended by `dcl fix`."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image

from declare.__main__ import main

FOLDER = """
declare: 1
datasets:
  d: {source: {type: image_folder, path: im}, split: {val: 0.25}}
model: {enc: {type: cnn, channels: [4], input: image}}
tasks: {k: {type: classification, dataset: d, target: label}}
phases: {fit: {epochs: 1, batch_size: 4, optimizer: {type: adamw, lr: 1e-3}}}
"""
SERIES = """
declare: 1
name: time_first
datasets:
  d:
    source: {type: npz, path: d.npz}
    fields: {x: {type: series, channels: 3, length: 7}, label: {type: category}}
    split: {val: 0.25}
model: {encoder: {type: conv1d, channels: [4], input: x}}
tasks: {k: {type: classification, dataset: d, target: label}}
phases: {fit: {epochs: 1, batch_size: 8, optimizer: {type: adamw, lr: 1e-2}}}
hardware: {accelerator: cpu, precision: fp32, workers: 0, compile: false}
tracking: csv
"""


@pytest.fixture
def images(tmp_path, monkeypatch):
    """Write a folder with a train part, unlabelled test images, a link to a class elsewhere and a hidden file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(FOLDER)
    draw = np.random.default_rng(0)
    for place in ("im/train/a", "im/train/b", "elsewhere/c", "im/test"):
        (tmp_path / place).mkdir(parents=True)
        for number in range(6):
            Image.fromarray(draw.integers(0, 256, (8, 8, 3), np.uint8)).save(
                tmp_path / place / f"{number}.png"
            )
    (tmp_path / "im/train/c").symlink_to(tmp_path / "elsewhere/c")
    (tmp_path / "im/train/a/.hidden.png").touch()


@pytest.mark.parametrize("words", [["plan", "spec.yaml", "--quick"], ["data", "check", "spec.yaml"]])
def test_what_is_passed_over_is_printed_and_linked_classes_are_read(images, capsys, words):
    """Classes are those inside `train`, a linked one among them; unlabelled and hidden files are counted."""
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "18 samples" in printed
    assert "skipped: 1 hidden, 6 images without a class in `test`" in printed
    assert main([*words, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    dataset = document["datasets"]["d"]
    assert dataset["passed_over"] == {"hidden": 1, "images without a class in `test`": 6}


def test_swapped_axes_are_mended_and_new_arrays_are_read_the_same_way(tmp_path, monkeypatch, capsys):
    """One finding, one safe fix; then the spec trains, and predictions of the same arrays are those of the run."""
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(0)
    label = draw.integers(0, 2, 40)
    x = draw.normal(size=(40, 7, 3)).astype(np.float32)
    x[np.arange(40), :, label] += 1
    np.savez("d.npz", x=x, label=label)
    (tmp_path / "spec.yaml").write_text(SERIES)
    assert main(["validate", "spec.yaml", "--format", "json"]) == 1
    assert [item["code"] for item in json.loads(capsys.readouterr().out)["diagnostics"]] == ["DAT322"]
    assert main(["fix", "spec.yaml"]) == 0
    assert "layout: time_channels" in (tmp_path / "spec.yaml").read_text()
    assert main(["train", "spec.yaml", "--run-dir", "run"]) == 0
    assert main(["predict", "run", "--split", "val", "--output", "val.csv"]) == 0
    np.savez("new.npz", x=x)
    assert main(["predict", "run", "--input", "new.npz", "--output", "new.csv"]) == 0
    texts = ((tmp_path / name).read_text().splitlines() for name in ("val.csv", "new.csv"))
    rows = [list(csv.DictReader(text)) for text in texts]
    given = {row["sample"].split()[1]: row["k.probability.0"] for row in rows[1]}
    for row in rows[0]:
        assert float(row["k.probability.0"]) == pytest.approx(
            float(given[row["sample"].split()[1]]), abs=1e-6
        )
    np.savez("other.npz", x=x.swapaxes(1, 2))
    capsys.readouterr()
    assert main(["predict", "run", "--input", "other.npz", "--format", "json"]) == 2
    assert "SHP524" in capsys.readouterr().out


def test_swapped_axes_are_one_finding_whatever_follows_from_them(tmp_path, monkeypatch, capsys):
    """Recordings of several lengths that lie time first have as many channels as steps; only the axes are said."""
    monkeypatch.chdir(tmp_path)
    rows = ({"x": [[0.5, 1.0, row]] * (5 + row % 4), "label": row % 2} for row in range(24))
    (tmp_path / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec = SERIES.replace("{type: npz, path: d.npz}", "{type: jsonl, path: d.jsonl}").replace(
        ", length: 7", ""
    )
    (tmp_path / "spec.yaml").write_text(spec)
    assert main(["validate", "spec.yaml", "--format", "json"]) == 1
    assert [item["code"] for item in json.loads(capsys.readouterr().out)["diagnostics"]] == ["DAT322"]
