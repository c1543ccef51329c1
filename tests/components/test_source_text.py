"""Plain text as a source: lines, paragraphs, files, folders, patterns."""

from __future__ import annotations

import os

import pytest

from declare.contract import reading
from declare.contract.problem import ProblemError

TEXT = "one two\n\nthree\nfour\n\n\n  \nfive\n"


def source(path, **block):
    return reading.parse("sources", {"type": "text", "path": str(path), **block})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "b.txt").write_text(TEXT)
    (tmp_path / "a.txt").write_text("first file\nsecond line\n")
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "c.md").write_text("in a folder\n")
    (tmp_path / "data.bin").write_bytes(b"\xff\xfe\x00")
    return tmp_path


def texts(path, **block):
    reader = source(path, **block).open()
    return [(reader.where(row), text) for row, text in enumerate(reader.read("text"))]


def test_every_line_is_a_document(folder):
    """Empty lines are passed over, the numbers of lines stay those of the file."""
    found = [("b.txt line 1", "one two"), ("b.txt line 3", "three"), ("b.txt line 4", "four")]
    assert texts(folder / "b.txt") == [*found, ("b.txt line 8", "five")]


def test_paragraphs_end_at_empty_lines(folder):
    """Lines of a paragraph stay together."""
    found = texts(folder / "b.txt", document="paragraph")
    assert found == [("b.txt line 1", "one two"), ("b.txt line 3", "three\nfour"), ("b.txt line 8", "five")]


def test_a_folder_gives_a_document_for_each_file(folder):
    """Text files in the order of their paths, folders inside included; other files are left alone."""
    assert texts(folder) == [
        ("a.txt", "first file\nsecond line"),
        ("b.txt", TEXT.strip("\n")),
        ("c.md", "in a folder"),
    ]
    assert len(texts(folder, document="line")) == 7


def test_split_folders_of_texts_are_the_split(tmp_path):
    """Texts below `train` and `test` never mix; other files are counted."""
    for name in ("test/x/1.txt", "train/b/2.TXT", "train/a/1.txt", "train/a/.hidden.txt", "train/n.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    reader = source(tmp_path).open()
    assert reader.read("text") == ["train/a/1.txt", "train/b/2.TXT", "test/x/1.txt"]
    assert reader.splits == {"train": (0, 2), "test": (2, 3)}
    assert reader.passed_over == {"hidden": 1, "other files (.csv)": 1}


def test_some_texts_in_split_folders_are_a_question(folder):
    """Texts beside a folder called `test` are DAT323; `layout` answers it."""
    (folder / "test").mkdir()
    (folder / "test" / "t.txt").write_text("of the test")
    with pytest.raises(ProblemError) as caught:
        source(folder).open()
    assert caught.value.problem.code == "DAT323"
    assert len(texts(folder, layout="file")) == 4
    reader = source(folder, layout="split/file").open()
    assert (reader.read("text"), reader.splits) == (["of the test"], {"test": (0, 1)})


def test_a_pattern_chooses_files(folder):
    """Only what fits the pattern is read."""
    assert [place for place, _ in texts(folder / "*.txt")] == ["a.txt", "b.txt"]


def test_the_fingerprint_changes_with_any_file(folder):
    """A change of size or time of one of the files is a change of the data."""
    before = source(folder).fingerprint()
    os.utime(folder / "inner" / "c.md", ns=(1, 1))
    assert source(folder).fingerprint() != before


@pytest.mark.parametrize(
    ("name", "code"),
    [("data.bin", "DAT333"), ("none.txt", "DAT312"), ("*.rst", "DAT312"), ("empty.txt", "DAT302")],
)
def test_what_cannot_be_read_is_said(folder, name, code):
    """Bytes that are no text, files that are not there, files without a document."""
    (folder / "empty.txt").write_text("\n \n")
    with pytest.raises(ProblemError) as caught:
        source(folder / name).open()
    assert caught.value.problem.code == code
