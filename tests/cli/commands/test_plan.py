"""`dcl plan` shows what each phase costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from declare.cli.dispatch import run
from declare.runtime.run_folder.plan_file import read_plan
from tests.emit.programs import place


def test_costs_of_each_phase(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In words, a table and JSON, which is a plan that other commands read."""
    spec = str(place("digits", tmp_path))
    assert run(["plan", spec]) == 0
    text = capsys.readouterr().out
    assert "fit: 64 samples at a time in fp32" in text
    assert "FLOPs:" in text
    assert "(losses)" in text
    assert run(["plan", spec, "--json"]) == 0
    out = capsys.readouterr().out
    (tmp_path / "plan.json").write_text(out)
    (costs,) = json.loads(out)["costs"]
    assert costs["method"] == "traced"
    assert read_plan(tmp_path / "plan.json").costs[0].forward_flops == costs["forward_flops"]
    assert run(["plan", spec, "--quick"]) == 0
    assert "estimated by formulas" in capsys.readouterr().out


def test_a_plan_that_cannot_fit_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the micro-batches that fit, which then do."""
    spec, limit = str(place("digits", tmp_path)), "hardware.memory_limit=1MB"
    assert run(["plan", spec, "--set", limit]) == 1
    said = capsys.readouterr().err
    assert "HW718" in said
    assert "`accumulate: 4` fits: 16 samples at a time" in said
    assert run(["plan", spec, "--set", limit, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["counts"]["error"] == 1
    run(["plan", spec, "--set", limit, "--set", "phases.fit.accumulate=4"])
    assert "HW718" not in capsys.readouterr().err
