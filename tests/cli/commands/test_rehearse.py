"""`dcl rehearse`, and `dcl train --rehearse`: what they print, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from declare.cli.dispatch import run

SPEC = """\
declare: 1
datasets:
  d:
    source: {type: csv, path: d.csv}
    fields: {x: {type: number}, kind: {type: category}}
    split: {val: 0.2}
model:
  first: {type: concat, input: x}
  body: {type: mlp, hidden: [4], input: first}
tasks:
  kind: {type: classification, dataset: d, target: kind, head: {type: linear, input: body}}
phases:
  fit: {epochs: 4, batch_size: 16, optimizer: {type: sgd, lr: 0.1}}
hardware: {accelerator: cpu, precision: fp32}
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of a spec in the current folder."""
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_text("x,kind\n" + "\n".join(f"{i % 10},{'ab'[i % 10 > 4]}" for i in range(100)))
    Path("spec.yaml").write_text(SPEC)
    return "spec.yaml"


def test_a_run_that_would_work(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Ends with 0, says how long it takes, and leaves nothing behind."""
    assert run(["rehearse", spec]) == 0
    printed = capsys.readouterr().out
    assert "learns" in printed
    assert "the run will take about" in printed
    assert sorted(item.name for item in Path().iterdir()) == ["d.csv", "spec.yaml"]


def test_a_run_that_would_learn_nothing(spec: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Ends with 4 and a finding at the phase; `train --rehearse` then does not begin."""
    sets = ["--set", "phases.fit.optimizer.lr=1e-9"]
    assert run(["rehearse", spec, *sets, "--format", "json"]) == 4
    document = json.loads(capsys.readouterr().out)
    assert [item["code"] for item in document["diagnostics"]] == ["PHS624"]
    assert [item["learns"] for item in document["trials"]] == [False]
    assert document["status"] == 4
    assert run(["train", spec, *sets, "--rehearse", "--run-dir", "run"]) == 4
    assert not Path("run").exists()


def test_a_rehearsed_run_is_trained(spec: str) -> None:
    """As without a rehearsal, with the same weights."""
    assert run(["train", spec, "--rehearse", "--run-dir", "one", "--quiet"]) == 0
    assert run(["train", spec, "--run-dir", "two", "--quiet"]) == 0
    first, second = (json.loads(Path(name, "metrics.json").read_text()) for name in ("one", "two"))
    assert first == second


def test_the_run_of_a_rehearsal_may_be_kept(spec: str) -> None:
    """In a folder that is new: it is a run like others."""
    assert run(["rehearse", spec, "--run-dir", "kept"]) == 0
    assert run(["evaluate", "kept", "--split", "val"]) == 0
    assert run(["rehearse", spec, "--run-dir", "kept"]) != 0
