"""Listing folders: what is read, what is passed over, which links are followed."""

import os
from pathlib import Path

import pytest
from PIL import Image

from declare.contract.files import listing
from declare.contract.files.image_formats import FORMATS, SUFFIXES, formats_of
from declare.contract.files.listing import list_files, list_matching, split_of, splits_named_in
from declare.contract.problem import ProblemError


def put(path, content="x"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_what_is_passed_over_is_counted(tmp_path):
    """Each file that is not read is counted under its reason; endings count in any case."""
    for name in ("a/1.png", "a/2.PNG", "a/deep/er/3.png", ".git/x.png", "a/._1.png", "a/n.txt", "a/none"):
        put(tmp_path / name)
    for name in ("__MACOSX/a/1.png", "a/Thumbs.db", "a/b.pdf"):
        put(tmp_path / name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "a" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "a" / "pipe.png")
    found = list_files(tmp_path, {".png"})
    assert [str(file.relative_to(tmp_path)) for file in found.files] == [
        "a/1.png",
        "a/2.PNG",
        "a/deep/er/3.png",
    ]
    assert found.passed_over == {
        "empty folders": 1,
        "hidden": 2,
        "links that lead nowhere": 1,
        "no regular files": 1,
        "of the system": 2,
        "other files (.pdf)": 1,
        "other files (.txt)": 1,
        "other files (no ending)": 1,
    }


def test_links_are_followed_but_for_those_that_lead_back(tmp_path):
    """A link to a folder or file elsewhere is read; one to a folder above ends nothing in a loop."""
    put(tmp_path / "elsewhere" / "c" / "1.png")
    put(tmp_path / "root" / "a" / "1.png")
    (tmp_path / "root" / "c").symlink_to(tmp_path / "elsewhere" / "c")
    (tmp_path / "root" / "a" / "2.png").symlink_to(tmp_path / "elsewhere" / "c" / "1.png")
    (tmp_path / "root" / "a" / "back").symlink_to(tmp_path / "root")
    (tmp_path / "elsewhere" / "c" / "self").symlink_to(tmp_path / "elsewhere" / "c")
    found = list_files(tmp_path / "root", {".png"})
    names = [str(file.relative_to(tmp_path / "root")) for file in found.files]
    assert names == ["a/1.png", "a/2.png", "c/1.png"]
    assert found.passed_over == {"links that lead back": 2}


def test_links_without_end_are_refused(tmp_path):
    """Folders that lead deeper and deeper are DAT335."""
    place = tmp_path
    for _ in range(40):
        place = place / "d"
    put(place / "1.png")
    with pytest.raises(ProblemError) as caught:
        list_files(tmp_path, {".png"})
    assert caught.value.problem.code == "DAT335"


UNREAD = {
    "BUFR": "needs an external program",
    "EPS": "a program that another one would run",
    "FITS": "measurements without a scale",
    "GRIB": "needs an external program",
    "HDF5": "arrays: the source `hdf5` reads them",
    "IPTC": "old and rare",
    "MPEG": "a film",
    "PALM": "can only be written",
    "PDF": "can only be written",
    "WMF": "needs an external program",
}
"""Formats that Pillow has an ending for and that are not read, each with the reason."""


def test_every_ending_of_pillow_is_read_or_refused_for_a_reason():
    """The table of endings is Pillow's own registry, less the formats that name a reason."""
    Image.init()
    known = {ending: name for ending, name in Image.registered_extensions().items() if name not in UNREAD}
    named = {ending: "JPEG" if name == "MPO" else name for ending, name in known.items()}
    assert {ending: SUFFIXES.get(ending) for ending in named} == named
    assert set(FORMATS) - {"AVIF", "QOI"} <= set(Image.OPEN)


@pytest.mark.parametrize(
    ("name", "split"), [("Train", "train"), ("VALID", "val"), ("dev", "val"), ("Test", "test"), ("cat", None)]
)
def test_names_of_splits_in_any_case(name, split):
    """The usual words for the three splits are known, however they are written."""
    assert split_of(name) == split


@pytest.mark.parametrize(
    ("name", "splits"),
    [
        ("seg_train", {"train"}),
        ("Test set", {"test"}),
        ("val2017", {"val"}),
        ("my-dev", {"val"}),
        ("TrainImages", {"train"}),
        ("Testset", {"test"}),
        ("latest", set()),
        ("trainers", set()),
    ],
)
def test_words_of_splits_are_parts_of_names(name, splits):
    """A word counts between marks, blanks and digits, and never inside of another word."""
    assert splits_named_in(name) == splits


def test_formats_without_a_mark_are_read_by_their_ending_alone():
    """A damaged file of a usual ending is never taken for a format that hardly marks its files."""
    Image.init()
    unmarked = {name for name in FORMATS if Image.OPEN[name][1] is None}
    assert not unmarked & {*formats_of(".png"), *formats_of("")}
    assert formats_of(".png")[:2] == ("JPEG", "PNG")
    assert "TGA" in formats_of(".tga")
    assert {name for suffix in SUFFIXES for name in formats_of(suffix)} == set(FORMATS)


@pytest.mark.parametrize("name", [b"a\xff.txt", b"\xfe/a.txt"])
def test_a_name_that_is_no_text_is_a_finding(tmp_path, name):
    """Files and folders named in another encoding are said with escapes, and counted among files that are not read."""
    place = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    place.parent.mkdir(exist_ok=True)
    place.write_text("x")
    with pytest.raises(ProblemError) as caught:
        list_files(tmp_path, {".txt"})
    assert caught.value.problem.code == "DAT312"
    assert "\\udcf" in caught.value.problem.title
    (tmp_path / os.fsdecode(b"b.\xff")).write_text("x")
    assert list(list_files(place.parent, {".md"}).passed_over)[-1].startswith("other files (.")


PATTERNS = ["*.txt", "**/*.txt", "a/*", "a/**/*", "*/[bc].txt", "a/?.txt", "a/b.txt", "**/b*"]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_fit_what_pathlib_fits(tmp_path, pattern):
    """Stars, marks and folders of any depth."""
    for name in ("a.txt", "a/b.txt", "a/c.md", "a/d/b.txt", "e/b.txt", "e/bb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    expected = sorted(file for file in tmp_path.glob(pattern) if file.is_file())
    assert list(list_matching(tmp_path, Path(pattern).parts)) == expected


def test_a_folder_that_a_pattern_may_not_read_is_a_finding(tmp_path, monkeypatch):
    """Files below it are not left out in silence."""
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "closed").mkdir()
    real = os.scandir

    def scandir(place):
        if Path(place).name == "closed":
            raise PermissionError(13, "Permission denied")
        return real(place)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(ProblemError) as caught:
        list_matching(tmp_path, ("**", "*.txt"))
    assert caught.value.problem.code == "DAT312"
    assert caught.value.problem.title == f"`closed` in `{tmp_path.name}` cannot be read"


def test_a_pattern_over_everything_ends(tmp_path, monkeypatch):
    """More entries than data have are refused."""
    monkeypatch.setattr(listing, "_MOST_MATCHED", 3)
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text("x")
    with pytest.raises(ProblemError) as caught:
        list_matching(tmp_path, ("*.txt",))
    assert caught.value.problem.code == "DAT335"
