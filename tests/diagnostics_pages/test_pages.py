"""Every catalogue page's examples: the bad one gives the code and no other error, the good one gives none."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from declare.__main__ import main
from declare.diagnostics.codes import Example, codes, page


def run(example: Example, folder: Path, capture: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Write an example's files, run its command there, and return the findings."""
    example.write(folder)
    words = shlex.split(example.command) or ["validate", "spec.yaml", *shlex.split(example.args)]
    capture.readouterr()
    code = main([*words, "--format", "json"])
    output = capture.readouterr().out
    assert code in {0, 1, 2, 4}, output
    answer = json.loads(output)
    assert "error" not in answer, output
    return list(answer.get("diagnostics", []))


def with_example(kind: str) -> list[str]:
    """Return the codes whose page has an example of this kind (`bad` or `good`)."""
    return [code for code in codes() if getattr(page(code), kind).files or getattr(page(code), kind).command]


@pytest.mark.parametrize("code", with_example("bad"))
def test_bad_example(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bad example gives the code, and no error of another code; what it says keeps the rules of form."""
    monkeypatch.chdir(tmp_path)
    found = run(page(code).bad, tmp_path, capsys)
    assert code in {item["code"] for item in found}
    assert {item["code"] for item in found if item["severity"] == "error"} <= {code}
    for item in found:
        assert len(item["title"]) <= 80
        assert not item["title"].endswith(".")
        assert all(len(label["text"].split()) <= 8 for label in item["labels"])


@pytest.mark.parametrize("code", with_example("good"))
def test_good_example(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The good example gives neither the code nor any error."""
    monkeypatch.chdir(tmp_path)
    found = run(page(code).good, tmp_path, capsys)
    assert [item for item in found if item["code"] == code or item["severity"] == "error"] == []
