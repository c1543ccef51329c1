"""Plain text as a source: lines, paragraphs, files, folders, patterns."""

from __future__ import annotations

import os

import pytest

from declare.components.sources._arrays import LinePlaces
from declare.contract.problem import ProblemError
from declare.parsing import parser

TEXT = "one two\n\nthree\nfour\n\n\n  \nfive\n"


def source(path, **block):
    return parser.parse("sources", {"type": "text", "path": str(path), **block})


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


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        ("seg_train/1.txt seg_test/2.txt", ""),
        ("data/train/1.txt data/test/2.txt", ""),
        ("en/train/1.txt en/test/1.txt de/train/1.txt de/test/1.txt", ""),
        ("wiki.train.txt wiki.valid.txt wiki.test.txt", ""),
        ("train/1.txt val/1.txt valid/1.txt", ""),
        ("val.txt test.txt", ""),
        ("seg_train/1.txt seg_test/2.txt", "*/*.txt"),
        ("wiki.train.txt wiki.valid.txt wiki.test.txt", "wiki*.txt"),
    ],
)
def test_texts_that_may_be_of_splits_are_a_question(names, pattern, tmp_path):
    """Words of splits in names of folders and files are DAT323 as for images; `layout: file` pools them."""
    for name in names.split():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    with pytest.raises(ProblemError) as caught:
        source(tmp_path / pattern).open()
    assert caught.value.problem.code == "DAT323"
    reader = source(tmp_path / pattern, layout="file").open()
    assert (reader.num_samples, reader.splits) == (len(names.split()), {})


@pytest.mark.parametrize("pattern", ["", "*.txt"])
def test_files_named_by_splits_are_the_split(pattern, tmp_path):
    """`train.txt` and `test.txt` never mix, whether a folder or a pattern names them."""
    for name in ("train", "valid", "test"):
        (tmp_path / f"{name}.txt").write_text(f"{name} 1\n{name} 2\n")
    reader = source(tmp_path / pattern, document="line").open()
    assert reader.read("text") == ["train 1", "train 2", "valid 1", "valid 2", "test 1", "test 2"]
    assert reader.splits == {"train": (0, 2), "val": (2, 4), "test": (4, 6)}


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


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "windows-1252"])
@pytest.mark.parametrize(("kind", "content"), [("text", "h\u00e4llo"), ("jsonl", '{"text": "h\u00e4llo"}')])
def test_marks_say_how_letters_are_written(kind, content, encoding, tmp_path):
    """A byte-order mark is read right and is no letter; an encoding without one is refused until it is stated."""
    path = tmp_path / "a.txt"
    path.write_text(content, encoding=encoding)
    block = {"type": kind, "path": str(path)}
    if encoding in ("utf-16-le", "windows-1252"):
        with pytest.raises(ProblemError) as caught:
            parser.parse("sources", block).open()
        assert caught.value.problem.code == "DAT333"
        assert "state its `encoding`" in caught.value.problem.notes[0]
        block["encoding"] = encoding
    assert parser.parse("sources", block).open().read("text") == ["h\u00e4llo"]


def test_an_encoding_and_a_mark_that_contradict_each_other_are_refused(tmp_path):
    """The mark would be read as letters."""
    (tmp_path / "a.txt").write_text("hello", encoding="utf-8-sig")
    with pytest.raises(ProblemError, match="cannot be read as text") as caught:
        source(tmp_path / "a.txt", encoding="latin-1").open()
    assert "byte-order mark" in caught.value.problem.notes[0]


def test_places_are_said_when_they_are_asked_for():
    """File and line of any sample, of the last ones and of several."""
    places = LinePlaces()
    for name, lines in (("a.txt", [1, 3]), ("empty.txt", []), ("b.txt", [0])):
        places.begin(name)
        for line in lines:
            places.add(line)
    assert list(places) == ["a.txt line 1", "a.txt line 3", "b.txt"]
    assert (places[-1], places[:2]) == ("b.txt", ["a.txt line 1", "a.txt line 3"])
    with pytest.raises(IndexError):
        places[3]
