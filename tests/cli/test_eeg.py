"""Two montages, hidden blocks, positives and fine-tuning from the command line, at a tiny size."""

from __future__ import annotations

import json
import math

from declare.__main__ import main

SPEC = """
declare: 1
name: eeg
datasets:
  tuh:
    source: {type: simulated, name: eeg, samples: 40, channels: 3, rate: 50, seconds: 1, seed: 1}
    fields: {eeg: {type: series, rate: 50}, age: {type: number}, subject: {type: id}}
    transforms: [{type: resample, field: eeg, rate: 40}, {type: standardize, field: eeg}]
    split: {val: 0.25, by: subject}
  hbn:
    source: {type: simulated, name: eeg, subjects: 6, movies: 2, stamps: 3, channels: 5, rate: 40, seconds: 1, missing: 0.2}
    transforms: [{type: standardize, field: eeg}]
    split: {val: 0.34, by: subject}
model:
  adapter: {type: channel_perceiver, input: eeg, channels: 4, dim: 8, heads: 2}
  encoder: {type: series_patch, input: adapter, patch: 8, dim: 8, depth: 1, heads: 2}
tasks:
  mem: {type: reconstruction, datasets: [tuh, hbn], target: eeg, head: {type: decoder, per_dataset: true}}
  age: {type: regression, datasets: [tuh, hbn], target: age}
  movie: {type: contrastive, dataset: hbn, head: {type: projection, dim: 4}, loss: [info_nce, {type: isc, weight: 0.5}]}
phases:
  pretrain: {tasks: [mem, age], epochs: 1, batch_size: 16, mix: {hbn: 0.7, tuh: 0.3}, optimizer: {type: adamw, lr: 1e-3}}
  align:
    tasks: [movie]
    epochs: 1
    batch_size: 8
    sampler: {type: pairs, same: [movie, stamp], different: subject}
    optimizer: {type: adamw, lr: 1e-3}
  finetune:
    tasks: [age]
    epochs: 2
    batch_size: 16
    init: [{from: "phase:align", modules: [adapter, encoder]}]
    freeze: [{match: "encoder.*", until: 1 epochs}]
    optimizer: {type: adamw, lr: 1e-3}
"""


def run(*words):
    """Return the exit status of a command line."""
    return main([str(word) for word in words])


def test_eeg_from_spec_to_report(tmp_path, capsys):
    """A spec with two montages and three phases trains, evaluates, predicts embeddings and reports."""
    spec, folder = tmp_path / "spec.yaml", tmp_path / "run"
    spec.write_text(SPEC)
    assert run("train", spec, "--run-dir", folder, "--quiet") == 0
    metrics = json.loads((folder / "metrics.json").read_text())
    wanted = (
        "mem@tuh/nrmse",
        "mem@hbn/nrmse",
        "age@hbn/rmse",
        "movie/alignment",
        "movie/isc",
        "movie/retrieval",
    )
    assert all(math.isfinite(metrics[f"val/{name}"]) for name in wanted)
    events = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    report = next(event for event in events if event["event"] == "init_report")
    assert report["missing"] in (0, [])
    assert any(event["event"] == "frozen" for event in events)
    before = {f"val/{name}": metrics[f"val/{name}"] for name in wanted}
    capsys.readouterr()
    assert run("evaluate", folder, "--split", "val", "--format", "json") == 0
    again = json.loads(capsys.readouterr().out)
    again = again.get("metrics", again)
    assert {name: round(again[name], 6) for name in before} == {n: round(v, 6) for n, v in before.items()}
    assert run("report", folder, "--quiet") == 0


ALONE = """
declare: 1
datasets:
  d:
    source: {type: simulated, name: eeg, subjects: 4, movies: 2, stamps: 3, channels: 2, rate: 40, seconds: 1}
    split: {val: 0.25, by: subject}
model:
  encoder: {type: series_patch, input: eeg, patch: 10, dim: 4, depth: 1, heads: 1}
tasks:
  movie: {type: contrastive, same: [movie, stamp], different: subject, head: {type: projection, dim: 4}}
phases:
  fit: {steps: 1, batch_size: 8, optimizer: {type: sgd, lr: 1e-3}}
"""


def test_figures_that_a_split_cannot_define_are_null_and_said_before(tmp_path, capsys):
    """One subject is held out: no pair is there; the warning says so, and the final metrics are JSON."""
    spec, folder = tmp_path / "spec.yaml", tmp_path / "run"
    spec.write_text(ALONE)
    assert run("train", spec, "--run-dir", folder) == 0
    assert "DAT398" in "".join(capsys.readouterr())

    def refuse(word):
        raise AssertionError(word)

    metrics = json.loads((folder / "metrics.json").read_text(), parse_constant=refuse)
    assert metrics["val/movie/loss"] is metrics["val/movie/alignment"] is None
    assert metrics["val/movie/uniformity"] is not None
    assert run("report", folder, "--format", "json") == run("evaluate", folder, "--split", "val") == 0
