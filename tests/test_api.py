"""The Python interface: lazy, and the same as the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import declare
from tests.cli.commands.test_validate import GOOD

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("name", declare.__all__)
def test_every_name_is_there(name: str) -> None:
    """Each public name is found and can be called."""
    assert callable(getattr(declare, name))


def test_a_room_does_not_hide_its_function() -> None:
    """`declare.report` and `declare.build` stay functions after their rooms were imported, and rooms stay rooms."""
    code = (
        "import declare.report.collect, declare.report.number_format as units, declare;"
        "from declare.report import collect;"
        "assert callable(declare.report) and callable(declare.build);"
        "assert declare.report.collect is collect and units.count(10) == '10'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_unknown_names_are_attribute_errors() -> None:
    """A name that is not there is an AttributeError, as for any module."""
    with pytest.raises(AttributeError, match="trian"):
        _ = declare.trian


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of a small spec."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "spec.yaml"
    path.write_text(GOOD)
    return path


def test_load_gives_what_was_said(spec: Path) -> None:
    """`load` returns the strict models, overrides included."""
    loaded = declare.load(spec, set=["phases.fit.epochs=7"])
    assert loaded.name == "small"
    assert loaded.phases["fit"].epochs == 7


def test_plan_is_the_plan_of_check(spec: Path) -> None:
    """`plan` returns what `check` made."""
    assert declare.plan(spec) == declare.check(spec).plan


def test_build_gives_the_model(spec: Path) -> None:
    """`build` returns a torch module with the plan's parameters, the same each time."""
    import torch

    plan = declare.plan(spec)
    first, second = declare.build(plan), declare.build(spec)
    assert sum(item.numel() for item in first.parameters()) == sum(node.parameters for node in plan.nodes)
    state = second.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in first.state_dict().items())


def test_report_takes_spec_and_plan(spec: Path) -> None:
    """`report` says the same of a spec's path and of its plan."""
    assert declare.report(spec) == declare.report(declare.plan(spec))


def test_train_gives_the_outcome(spec: Path, tmp_path: Path) -> None:
    """`train` makes a run, says where and how it ended, and `report` reads it."""
    outcome = declare.train(spec, run_dir=tmp_path / "run")
    assert outcome.status == 0
    assert outcome.folder == tmp_path / "run"
    assert "val/kind/accuracy" in outcome.metrics
    assert declare.report(outcome.folder).status == "finished"
