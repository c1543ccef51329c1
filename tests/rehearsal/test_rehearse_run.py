"""A rehearsal does everything that a run does, and finds what would fail in a later phase."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from declare.compiler.pipeline import check
from declare.contract.problem import ProblemError
from declare.ir.plan import Plan
from declare.rehearsal.rehearse_run import rehearse

SPEC = """\
declare: 1
name: whole
datasets:
  d:
    source: {type: csv, path: d.csv}
    fields: {x: {type: number}, y: {type: number}, kind: {type: category}}
    split: {val: 0.2, test: 0.1}
model:
  first: {type: concat, input: [x]}
  body: {type: mlp, hidden: [8], input: first}
tasks:
  kind: {type: classification, dataset: d, target: kind, head: {type: linear, input: body}}
  y: {type: regression, dataset: d, target: y, head: {type: linear, input: body}}
phases:
  first:
    tasks: [y]
    epochs: 40
    batch_size: 16
    optimizer: {type: adamw, lr: 1e-2}
    ema: {decay: 0.9}
    evaluate: {every: 1 epochs, best: {metric: val/y/loss, mode: min}}
    probes: [{type: linear, task: kind}]
  second:
    tasks: [kind, y]
    epochs: 60
    batch_size: 16
    init: [{from: "phase:first"}]
    freeze: [{match: "body.*", until: 50%}]
    optimizer: {type: sgd, lr: RATE}
hardware: {accelerator: cpu, precision: fp32}
"""


def planned(folder: Path, rate: str = "0.1") -> tuple[Plan, str]:
    """Return the plan of a spec of two phases, and its text."""
    rows = [f"{i % 13 / 4},{(i * 7) % 5},{'ab'[i % 13 > 6]}" for i in range(300)]
    (folder / "d.csv").write_text("x,y,kind\n" + "\n".join(rows) + "\n")
    text = SPEC.replace("RATE", rate)
    (folder / "spec.yaml").write_text(text)
    checked = check(folder / "spec.yaml")
    assert checked.plan is not None, [item.title for item in checked.diagnostics]
    return checked.plan, text


def events_of(folder: Path) -> list[dict[str, Any]]:
    """Return the events of a run."""
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def test_every_part_of_a_run_is_done(tmp_path: Path) -> None:
    """Both phases train, stop and resume; probes, evaluations, predictions and the report follow."""
    heard: list[str] = []
    plan, text = planned(tmp_path)
    rehearsal = rehearse(plan, text, tmp_path / "run", on_stage=heard.append)
    assert (rehearsal.status, rehearsal.errors) == (0, ())
    names = [item["event"] for item in events_of(tmp_path / "run")]
    assert names.count("run_stopped") == names.count("phase_resumed") == 2
    assert {"probed", "frozen", "evaluated", "checkpoint_saved", "run_finished"} <= set(names)
    assert heard == list(rehearsal.stages)
    assert [item for item in heard if item.startswith(("evaluate", "predict"))] == [
        "evaluate val",
        "predict val of d",
        "evaluate test",
        "predict test of d",
    ]
    assert (tmp_path / "run" / "report.html").is_file()
    assert len((tmp_path / "run" / "predictions.d.test.csv").read_text().splitlines()) == 1 + 30


def test_the_time_of_the_run_is_that_of_its_steps(tmp_path: Path) -> None:
    """As many steps and evaluations as the plan has, not the rehearsal."""
    plan, text = planned(tmp_path)
    rehearsal = rehearse(plan, text, tmp_path / "run")
    for phase, time in zip(plan.phases, rehearsal.phases, strict=True):
        assert (time.phase, time.steps) == (phase.name, phase.steps)
        assert time.evaluations == phase.steps // phase.evaluate_every
        assert time.seconds == pytest.approx(
            time.steps * time.step_seconds + time.evaluations * time.evaluation_seconds
        )
        assert time.step_seconds > 0
    assert rehearsal.run_seconds == pytest.approx(sum(item.seconds for item in rehearsal.phases))


def test_a_later_phase_that_fails_is_found(tmp_path: Path) -> None:
    """A rate at which the second phase diverges ends the rehearsal with a finding at that phase."""
    plan, text = planned(tmp_path, rate="1000")
    rehearsal = rehearse(plan, text, tmp_path / "run")
    assert rehearsal.errors
    assert {item.at.split(".")[1] for item in rehearsal.errors if item.at.startswith("phases")} == {"second"}


def test_what_fails_outside_training_is_raised(tmp_path: Path) -> None:
    """Data that have gone since the spec was checked."""
    plan, text = planned(tmp_path)
    (tmp_path / "d.csv").unlink()
    with pytest.raises(ProblemError, match=r"d\.csv"):
        rehearse(plan, text, tmp_path / "run")
