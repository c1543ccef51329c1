"""What is read back from our own files is compared with the schemas that we publish."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from declare.contract.problem import ProblemError
from declare.system.schema_check import checked_forms, mistakes, read_json, schema_file


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"threads": 2, "precision.fit": "bf16"}', None),
        ("{}", None),
        ('{"threads": "two"}', "at `threads`: 'two' is not of type 'integer'"),
        ('{"threads": 0}', "at `threads`: 0 is less than the minimum of 1"),
        ('{"precision.fit": "fp8"}', "at `precision.fit`: 'fp8' is not one of"),
        ('{"thread": 2}', "'thread' does not match any of the regexes"),
        ("[]", "[] is not of type 'object'"),
        ('{"threads": 2', "it is incomplete JSON"),
        ("", "it is incomplete JSON"),
        ("[" * 100_000, "it is incomplete JSON"),
    ],
)
def test_a_file_is_read_or_named_with_its_mistake(tmp_path: Path, text: str, said: str | None) -> None:
    """A value that the schema allows comes back; any other is RES823 with the place and what is wrong."""
    path = tmp_path / "choices.json"
    path.write_text(text)
    if said is None:
        assert read_json(path, "choices") == json.loads(text)
        return
    with pytest.raises(ProblemError) as caught:
        read_json(path, "choices")
    assert caught.value.problem.code == "RES823"
    assert any(note.startswith(said) for note in caught.value.problem.notes)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    """A folder, a device and a missing file are findings, not endless reads."""
    (tmp_path / "zero").symlink_to("/dev/zero")
    for place in (tmp_path, tmp_path / "zero", tmp_path / "none"):
        with pytest.raises(ProblemError, match="is not what a run writes"):
            read_json(place, "choices")


def test_each_form_of_a_line_is_compared(tmp_path: Path) -> None:
    """A line is refused however late it comes and however deep its mistake is, and lines before it are given."""
    good: dict[str, Any] = {"time": 1.0, "event": "evaluated", "metrics": {"val/t/loss": 0.5}}
    for bad in (
        {**good, "metrics": {"val/t/loss": "x"}},
        {"time": 1.0},
        {**good, "event": "run_failed", "notes": ["a", 1]},
    ):
        lines = checked_forms([good] * 50 + [bad], "event", tmp_path / "events.jsonl", "event")
        assert [next(lines) for _ in range(50)] == [good] * 50
        with pytest.raises(ProblemError) as caught:
            next(lines)
        assert caught.value.problem.notes[1] == "entry 51"


def test_schemas_stand_where_the_program_finds_them() -> None:
    """Every schema of a run's files is there to be read, and allows nothing that is no object."""
    for name in (
        "plan",
        "manifest",
        "state",
        "choices",
        "event",
        "metrics",
        "data",
        "quarantine",
        "statistics",
    ):
        assert schema_file(name).is_file()
        assert mistakes(3, name)
