"""`dcl diff`, and `dcl report` of several: specs, plans in files and runs, side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from declare.cli.dispatch import run

SPEC = """\
declare: 1
name: two
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
  fit: {epochs: 2, batch_size: 16, optimizer: {type: sgd, lr: 0.1}}
hardware: {accelerator: cpu}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with two specs that differ and one that is only written otherwise."""
    monkeypatch.chdir(tmp_path)
    Path("d.csv").write_text("x,kind\n" + "\n".join(f"{i % 10},{'ab'[i % 10 > 4]}" for i in range(100)))
    Path("a.yaml").write_text(SPEC)
    Path("b.yaml").write_text(SPEC.replace("[4]", "[8]").replace("lr: 0.1", "lr: 0.05"))
    Path("same.yaml").write_text(
        SPEC.replace("{type: sgd, lr: 0.1}", "{lr: 0.10, type: sgd, weight_decay: 0}")
    )
    return tmp_path


def compared(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, object]:
    """Return the JSON document that `dcl diff` prints."""
    assert run(["diff", *arguments, "--format", "json"]) == code
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return document


def settings(document: dict[str, object]) -> dict[str, list[object]]:
    return {item["path"]: item["values"] for item in document["settings"]}  # type: ignore[index]


def test_two_specs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = compared(capsys, "a.yaml", "b.yaml")
    assert settings(document) == {"model.body.hidden": [[4], [8]], "phases.fit.optimizer.lr": [0.1, 0.05]}
    assert run(["diff", "a.yaml", "b.yaml"]) == 0
    printed = capsys.readouterr().out
    assert "model.body.hidden" in printed
    assert "vector[4]" in printed


def test_writing_a_default_out_is_no_difference(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert settings(compared(capsys, "a.yaml", "same.yaml", "--exit-code")) == {}
    assert run(["diff", "a.yaml", "same.yaml"]) == 0
    assert "no setting differs" in capsys.readouterr().out


def test_the_exit_code_tells_if_it_is_asked_to(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    compared(capsys, "a.yaml", "b.yaml", "--exit-code", code=1)


def test_one_spec_and_its_change(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = compared(capsys, "a.yaml", "--set", "phases.fit.batch_size=8")
    assert settings(document)["phases.fit.batch_size"] == [16, 8]
    assert run(["diff", "a.yaml"]) == 2
    assert "--set" in capsys.readouterr().err


def test_plans_and_runs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "a.yaml", "--json", "--quick"]) == 0
    Path("plan.json").write_text(capsys.readouterr().out)
    assert run(["train", "b.yaml", "--run-dir", "run", "--quiet"]) == 0
    capsys.readouterr()
    document = compared(capsys, "plan.json", "run")
    assert settings(document)["model.body.hidden"] == [[4], [8]]
    assert document["status"] == ["planned", "finished"]
    metrics = {row["name"]: row for row in document["metrics"]}  # type: ignore[attr-defined]
    assert metrics["val/kind/accuracy"]["values"][0] is None
    assert metrics["val/kind/accuracy"]["values"][1] is not None
    assert settings(compared(capsys, "run", "run/plan.json")) == {}

    assert run(["report", "run", "run", "plan.json", "--html", "page.html"]) == 0
    assert "run (2)" in Path("page.html").read_text()
    capsys.readouterr()
    assert run(["report", "run", "plan.json"]) == 0
    assert "val/kind/loss" in capsys.readouterr().out
    assert run(["report", "plan.json"]) == 0
    assert "planned" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["diff", "a.yaml", "nowhere"], "nowhere"),
        (["diff", "a.yaml", "broken.json"], "broken.json"),
        (["diff", "a.yaml", "plan.json", "--set", "seed=1"], "--set changes a spec"),
        (["report", "a.yaml", "b.yaml", "--set", "seed=1"], "one spec"),
    ],
)
def test_what_cannot_be_compared(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    Path("broken.json").write_text('{"spec_sha256": 1, "nodes": []}')
    assert run(["plan", "a.yaml", "--json", "--quick"]) == 0
    Path("plan.json").write_text(capsys.readouterr().out)
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.out + captured.err
    assert "bug" not in captured.err
