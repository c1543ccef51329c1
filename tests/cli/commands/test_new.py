"""Starting a spec: templates, tables, folders, answers."""

from __future__ import annotations

import csv
import gzip
import io
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import declare
from declare.__main__ import main
from declare.cli.new_spec import columns, draft, templates

TABLE = """Id,Price (EUR),Rooms,Region,Remark
1,10.5,2,north,a fine house
2,11.5,3,south,near the sea
3,9.25,NA,north,old
4,12.0,3,south,
5,13.5,4,north,new
"""


@pytest.mark.parametrize("name", templates.names())
def test_template_validates(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every template is valid as it stands, warnings included, and takes the name of its file."""
    monkeypatch.chdir(tmp_path)
    assert main(["new", "mine.yaml", "--template", name]) == 0
    checked = declare.check("mine.yaml")
    assert [f"{found.code} {found.title}" for found in checked.diagnostics if found.severity != "info"] == []
    assert checked.plan is not None
    assert checked.plan.name == "mine"


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that exists stays as it is, and the exit code is 2."""
    path = tmp_path / "spec.yaml"
    path.write_text("mine")
    assert main(["new", str(path), "--template", "image"]) == 2
    assert path.read_text() == "mine"
    assert "exists already" in capsys.readouterr().err


def test_table_becomes_a_spec(tmp_path: Path) -> None:
    """A CSV file gives numbers, categories, gaps and left-out columns, and a spec that validates."""
    (tmp_path / "data").mkdir()
    rows = TABLE + "".join(
        f"{i},{i % 7}.5,{i % 4},{'north' if i % 2 else 'south'},r{i}\n" for i in range(6, 60)
    )
    (tmp_path / "data" / "houses.csv").write_text(rows)
    path = tmp_path / "spec.yaml"
    words = ["--from", str(tmp_path / "data" / "houses.csv"), "--target", "Price (EUR)"]
    assert main(["new", str(path), *words]) == 0
    text = path.read_text()
    assert 'path: "data/houses.csv"' in text
    assert 'rooms: {type: number, column: "Rooms", missing: ["NA"]}' in text
    assert "left out: `Id`" in text
    assert "left out: `Remark`" in text
    checked = declare.check(path)
    assert [found.title for found in checked.diagnostics if found.severity == "error"] == []
    assert checked.plan is not None
    assert checked.plan.tasks["target"].block["type"] == "regression"


def test_folder_of_images_becomes_a_spec(tmp_path: Path) -> None:
    """A folder with a folder of images per class gives an image classification that validates."""
    from PIL import Image

    for kind, colour in (("red", (255, 0, 0)), ("blue", (0, 0, 255))):
        (tmp_path / "images" / kind).mkdir(parents=True)
        for number in range(100):
            Image.new("RGB", (16, 12), colour).save(tmp_path / "images" / kind / f"{number}.png")
    path = tmp_path / "spec.yaml"
    assert main(["new", str(path), "--from", str(tmp_path / "images")]) == 0
    checked = declare.check(path)
    assert [found.title for found in checked.diagnostics if found.severity == "error"] == []
    assert checked.plan is not None
    assert checked.plan.tasks["label"].target.classes == ("blue", "red")


def test_target_with_few_values_is_classified(tmp_path: Path) -> None:
    """A target with words or few whole numbers becomes a classification."""
    (tmp_path / "t.csv").write_text(TABLE)
    path = tmp_path / "spec.yaml"
    assert main(["new", str(path), "--from", str(tmp_path / "t.csv"), "--target", "Region"]) == 0
    assert "type: classification" in path.read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--template", "imag"], "did you mean `image`?"),
        (["--from", "nowhere.csv"], "does not exist"),
        (["--from", "empty.csv"], "cannot be read as a table"),
        (["--from", "twice.csv"], "names `a` twice"),
        (["--from", "nameless.csv"], "the header line has an empty name"),
        (["--from", "packed.csv"], "compressed"),
        (["--from", "broken.parquet"], "cannot be read as a table"),
        (["--from", "wide.csv"], "more than 16 MiB"),
        (["--from", "/dev/zero"], "not a regular file"),
        (["--from", "t.csv", "--target", "Nowhere"], "not a usable column"),
        ([], "no terminal"),
    ],
)
def test_what_cannot_be_done_says_so(
    words: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Wrong words exit with 2, say why, and write nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "twice.csv").write_text("a,b,a\n1,2,3\n")
    (tmp_path / "nameless.csv").write_text("a, ,b\n1,2,3\n")
    (tmp_path / "packed.csv").write_bytes(gzip.compress(TABLE.encode()))
    (tmp_path / "broken.parquet").write_bytes(b"PAR1" + bytes(40) + b"PAR1")
    (tmp_path / "wide.csv").write_text(f"a,b\n1,{'2' * (17 << 20)}\n")
    (tmp_path / "t.csv").write_text(TABLE)
    assert main(["new", "spec.yaml", *words]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "spec.yaml").exists()


def test_titles_of_signs_alone_become_distinct_names(tmp_path: Path) -> None:
    """Columns that have no letter in common with a name, and some that are called as the names of those."""
    titles = ["column_2", *("!" * number for number in range(1, 50)), "column", "Column 7"]
    (tmp_path / "t.csv").write_text(",".join(titles) + "\n" + ",".join("1" for _ in titles) + "\n")
    found = columns.infer_columns(tmp_path / "t.csv")
    assert len({column.field for column in found}) == len(titles)


def test_answers_make_a_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone at the terminal answers two questions: their own data, and where they are."""
    (tmp_path / "t.csv").write_text(TABLE)

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(f"data\n{tmp_path / 't.csv'}\n"))
    assert main(["new", str(tmp_path / "spec.yaml")]) == 0
    assert "region" in (tmp_path / "spec.yaml").read_text()


letters = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters='"')
title = st.text(letters, min_size=1, max_size=12).filter(str.strip)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(titles=st.lists(title, min_size=2, max_size=6, unique=True), data=st.data())
def test_any_header_gives_a_valid_spec(titles: list[str], data: st.DataObject, tmp_path: Path) -> None:
    """Whatever columns are called, field names are distinct and the spec validates."""
    path = tmp_path / "t.csv"
    kinds = data.draw(st.lists(st.booleans(), min_size=len(titles), max_size=len(titles)))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(titles)
        for row in range(30):
            writer.writerow([row * 0.5 if number else "ab"[row % 2] for number in kinds])
    found = columns.infer_columns(path)
    usable = [column for column in found if column.kind != "unused"]
    assert len({column.field for column in found}) == len(titles)
    assert len(usable) == len(titles)
    spec = tmp_path / "spec.yaml"
    spec.write_text(draft.table("t", "t.csv", found, usable[-1]), encoding="utf-8")
    errors = [found for found in declare.check(spec).diagnostics if found.severity == "error"]
    assert [f"{found.code} {found.title}" for found in errors] == []


class _FullDisk(io.FileIO):
    """A file on a disk that is full."""

    def write(self, _: object) -> int:
        raise OSError(28, "No space left on device")


def test_a_full_disk_leaves_no_half_spec(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A spec that could not be written whole is taken away again."""
    path = tmp_path / "spec.yaml"
    real = Path.open
    monkeypatch.setattr(
        Path, "open", lambda self, *a, **k: _FullDisk(self, "x") if self == path else real(self, *a, **k)
    )
    assert main(["new", str(path), "--template", "table"]) == 2
    assert "No space left" in capsys.readouterr().err
    assert not path.exists()
