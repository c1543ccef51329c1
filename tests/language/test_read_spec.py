"""A document is checked against the spec's models, as far as it could be read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from declare.language.compose.compose import load
from declare.language.read_spec import check
from declare.parsing.poison import POISON


def codes(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    path = tmp_path / "spec.yaml"
    path.write_text(text)
    document, _ = load(path)
    return [(problem.code, problem.at) for problem in check(document)[1]]


def test_missing_sections(tmp_path):
    """Each missing section is told by itself."""
    found = codes(tmp_path, "declare: 1\n")
    assert found == [("SCH103", "")] * 4


def test_missing_sections_of_a_broken_text(tmp_path):
    """Where a part of the text could not be read, nothing is said of sections that may stand in it."""
    path = tmp_path / "spec.yaml"
    path.write_text("declare: 1\nhardware: {devices: none}\n")
    document = replace(load(path)[0], complete=False)
    assert [problem.at for problem in check(document)[1]] == ["hardware.devices"]


def test_empty_document(tmp_path):
    """Where there is no tree at all, the spec is POISON and nothing more is said."""
    path = tmp_path / "spec.yaml"
    path.write_text("")
    document, found = load(path)
    assert check(document)[:2] == (POISON, [])
    assert found


def test_version(tmp_path):
    """A wrong version is told what the key means."""
    path = tmp_path / "spec.yaml"
    path.write_text("declare: 2\n")
    problem = next(item for item in check(load(path)[0])[1] if item.at == "declare")
    assert "version of the language" in problem.notes[-1]


def test_what_is_known_of_a_block_is_checked(tmp_path):
    """Of a block that a broken base may complete, what stands there is checked and nothing is missed."""
    (tmp_path / "base.yaml").write_text(
        "declare: 1\nphases: {fit: {epochs: [1}}\nmodel: {encoder: &x !t cnn}\n"
    )
    text = "extends: base.yaml\nphases: {fit: {batchsize: 3}, more: {epochs: no}}\nmodel: {encoder: {norms: 3}}\n"
    found = [(code, at) for code, at in codes(tmp_path, text) if at]
    assert found == [("SCH101", "phases.fit.batchsize"), ("SCH104", "phases.more.epochs")]


def test_sections_over_a_missing_base(tmp_path):
    """Where a base is missing, sections are checked for what stands in them alone."""
    text = "extends: nowhere.yaml\ntasks: {digit: {weigh: 2}}\nphases: {fit: {epochs: 1}}\n"
    assert codes(tmp_path, text) == [("SCH101", "tasks.digit.weigh")]
