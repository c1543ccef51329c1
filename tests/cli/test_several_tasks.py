"""Several tasks from the command line: shared heads, several data sets, class weights, balances, gradients."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from declare.__main__ import main

SPEC = """
declare: 1
name: several
datasets:
  left:
    source: {type: csv, path: left.csv}
    fields: {x1: number, x2: number, kind: category, age: {type: number, missing: [""]}}
    split: {val: 0.25}
  right:
    source: {type: csv, path: right.csv}
    fields: {x1: number, x2: number, kind: category, age: {type: number, missing: [""]}}
    split: {val: 0.25}
model:
  encoder: {type: mlp, input: [x1, x2], hidden: [8]}
tasks:
  kind: {type: classification, dataset: left, target: kind, loss: {type: cross_entropy, class_weights: balanced}}
  again: {type: classification, dataset: right, target: kind, head: kind, loss: {type: cross_entropy, class_weights: effective}}
  age: {type: regression, dataset: left, target: age}
  old: {type: regression, dataset: right, target: age, head: age}
  both: {type: classification, datasets: [left, right], target: kind, loss: {type: cross_entropy, class_weights: balanced}}
phases:
  fit:
    epochs: 12
    batch_size: 32
    optimizer: {type: adamw, lr: 2e-2}
    clip: {norm: 1.0}
    balance: pcgrad
    diagnose: {gradients: 3 epochs}
hardware: {precision: fp32}
"""


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write two tables of unequal classes and of ages that lie apart, a fifth of them unknown."""
    monkeypatch.chdir(tmp_path)
    random = np.random.default_rng(0)
    for name, size, offset, rare in (("left", 120, 0.0, 0.2), ("right", 80, 3.0, 0.4)):
        with (tmp_path / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["x1", "x2", "kind", "age"])
            for _ in range(size):
                kind = random.random() < rare
                x1, x2 = random.normal() + 2.5 * kind, random.normal() + offset
                age = 40 + 5 * x2 if random.random() > 0.2 else ""
                writer.writerow([x1, x2, "ba"[kind], age])
    (tmp_path / "spec.yaml").write_text(SPEC)


def balanced(counts: list[int]) -> list[float]:
    """Return samples / (classes * count)."""
    return [sum(counts) / (len(counts) * count) for count in counts]


def effective(counts: list[int]) -> list[float]:
    """Return the weights of Cui et al. at 0.999, of mean 1 over the samples."""
    raw = [(1 - 0.999) / (1 - 0.999**count) for count in counts]
    scale = sum(counts) / sum(one * count for one, count in zip(raw, counts, strict=True))
    return [one * scale for one in raw]


def test_a_run_of_everything(tmp_path: Path) -> None:
    """Weights come from the training split alone, a shared head learns both tasks in one unit, figures are told."""
    assert main(["train", "spec.yaml", "--run-dir", "run", "--quiet"]) == 0
    plan = json.loads((tmp_path / "run" / "plan.json").read_text())
    tasks = plan["tasks"]
    counts = {
        name: data["fields"]["kind"]["facts"]["counts"]["train"] for name, data in plan["datasets"].items()
    }
    assert {name: sum(numbers) for name, numbers in counts.items()} == {"left": 90, "right": 60}
    wanted = {
        "kind": balanced(counts["left"]),
        "again": effective(counts["right"]),
        "both": balanced([sum(pair) for pair in zip(*counts.values(), strict=True)]),
    }
    for name, weights in wanted.items():
        assert tasks[name]["losses"][0]["class_weights"] == pytest.approx(weights)
    assert (tasks["again"]["head"], tasks["old"]["head"]) == ("heads.kind", "heads.age")
    assert tasks["old"]["target"]["mean"] == tasks["age"]["target"]["mean"]
    final = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert final["val/again/accuracy"] > 0.7
    assert final["val/old/r2"] > 0.8
    assert {"val/both@left/accuracy", "val/both@right/accuracy"} <= set(final)
    rows = (tmp_path / "run" / "metrics.csv").read_text()
    assert rows.count("gradients/norm/old") == 4
    assert rows.count("gradients/cosine/age:old") == 4
    assert "Gradients of tasks" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.parametrize("balance", ["uncertainty", "dynamic"])
def test_other_balances_learn_too(tmp_path: Path, balance: str) -> None:
    """Both are named in the plan and reach the same quality."""
    words = ["--set", f"phases.fit.balance={balance}", "--quiet"]
    assert main(["train", "spec.yaml", "--run-dir", "run", *words]) == 0
    assert json.loads((tmp_path / "run" / "plan.json").read_text())["phases"][0]["balance"]["type"] == balance
    final = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert final["val/both/accuracy"] > 0.8


def test_classes_of_another_meaning_cannot_share_a_head(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As many classes by other names are another target (SHP517), told with the first that differs."""
    table = (tmp_path / "right.csv").read_text()
    (tmp_path / "right.csv").write_text(table.replace(",a,", ",y,").replace(",b,", ",z,"))
    words = ["--set", "tasks.both={type: classification, dataset: left, target: kind}"]
    assert main(["validate", "spec.yaml", "--format", "concise", *words]) == 1
    told = capsys.readouterr()
    assert "SHP517" in told.out + told.err
    assert "class `a` and class `y`" in told.out + told.err


def test_one_task_has_no_rival(capsys: pytest.CaptureFixture[str]) -> None:
    """A balance of a single task is told as a setting without effect."""
    assert main(["validate", "spec.yaml", "--format", "concise", "--set", "phases.fit.tasks=[age]"]) == 0
    told = capsys.readouterr()
    assert "`balance` of phase `fit` has no effect" in told.out + told.err
