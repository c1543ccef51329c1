"""Subjects in two splits: counted where the facts count them."""

from __future__ import annotations

from declare.compiler import pipeline
from declare.diagnostics.codes import page
from declare.rules.data.split_leak import check
from declare.rules.spec_view import View


def titles(folder, counts):
    """Return the titles of findings when `subject` has these counts by split."""
    page("DAT310").bad.write(folder)
    checked = pipeline.check(folder / "spec.yaml", until="facts")
    facts = checked.facts["lab"]
    subject = facts.fields["subject"].model_copy(update={"counts": counts})
    lab = facts.model_copy(update={"fields": facts.fields | {"subject": subject}})
    return [problem.title for problem in check(View(checked.spec, facts={"lab": lab}))]


def test_shared_subjects_are_counted(tmp_path):
    """The message says how many subjects stand in two splits."""
    counts = {"train": (5, 5, 5, 5, 5, 5, 0, 0), "val": (0, 0, 1, 1, 1, 0, 4, 3)}
    assert titles(tmp_path, counts) == ["3 of 8 values of `subject` occur in train and in val"]


def test_subjects_apart_are_no_finding(tmp_path):
    """Files or luck may keep subjects apart without `by`."""
    assert titles(tmp_path, {"train": (5, 5, 5, 5, 5, 0, 0, 0), "val": (0, 0, 0, 0, 0, 5, 5, 5)}) == []


def test_without_counts_the_way_of_splitting_tells(tmp_path):
    """Samples that are drawn one by one part their subjects."""
    assert titles(tmp_path, {}) == ["40 samples of 8 values of `subject` are split one by one"]
