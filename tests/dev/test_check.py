"""The developers' check: every step runs, the summary tells, the exit code counts."""

from __future__ import annotations

import pytest

from declare.dev import check
from declare.dev.check import Step


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the steps by three, the second of which fails; returns the names of those that ran."""
    names: list[str] = []

    def step(name: str, code: int) -> Step:
        return Step(name, lambda: names.append(name) or code, "a test")  # type: ignore[func-returns-value]

    monkeypatch.setattr(check, "STEPS", (step("one", 0), step("two", 1), step("three", 0)))
    return names


def test_a_failed_step_stops_no_other(ran: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """All steps run whatever fails, and the end names what failed."""
    assert check.check() == 1
    assert ran == ["one", "two", "three"]
    assert capsys.readouterr().out.rstrip().endswith("FAILED: two")


def test_only_the_named_steps_run(ran: list[str]) -> None:
    """Named steps alone decide the outcome."""
    assert check.check(only=("three", "one")) == 0
    assert ran == ["one", "three"]


def test_an_unknown_step_is_refused(ran: list[str]) -> None:
    """A misspelt step is no silent success."""
    assert check.check(only=("tests2",)) == 2
    assert ran == []
