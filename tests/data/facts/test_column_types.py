"""A column has one type over all files of a dataset, and marks for missing values hold in any."""

import random

import numpy as np
import polars as pl
import pytest

from declare.contract.problem import ProblemError
from declare.data.facts.facts import gather
from declare.data.read.open_reader import open_reader
from declare.language.spec import Dataset
from declare.parsing import parser


def dataset(folder, text, fields, source=None, **keys):
    """Write a table and return the block of a dataset that reads it."""
    (folder / "train.csv").write_text(text)
    block = {"source": source or {"type": "csv", "path": str(folder / "train.csv")}, "fields": fields, **keys}
    found, problems = parser.read(Dataset, block)
    assert not problems, problems
    return found


def lines(head, rows):
    return "\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n"


def test_files_of_one_dataset_have_one_type(tmp_path):
    """A file in which all codes look like numbers, and all flags like truth values, adds no class."""
    train = [(("01", "02", "X9")[i % 3], ("true", "false", "unknown")[i % 3]) for i in range(30)]
    val = [(("01", "02")[i % 2], ("true", "false")[i % 2]) for i in range(10)]
    (tmp_path / "val.csv").write_text(lines("code,flag", val))
    fields = {"code": {"type": "category"}, "flag": {"type": "category"}}
    block = dataset(tmp_path, lines("code,flag", train), fields, split={"val": str(tmp_path / "val.csv")})
    facts = gather("d", block, 0)
    assert facts.fields["code"].classes == ("01", "02", "X9")
    assert facts.fields["flag"].classes == ("false", "true", "unknown")
    assert facts.fields["code"].counts == {"train": (10, 10, 10), "val": (5, 5, 0)}


def test_codes_stay_apart_and_so_do_their_groups(tmp_path):
    """Zeros in front, exponents and more digits than 64 bits hold are parts of a name."""
    draw = random.Random(0)
    rows = [
        (
            draw.choice(["007", "7", "12"]),
            draw.choice(["12E3", "12000", "5E10"]),
            89441100689123456700 + i // 4,
        )
        for i in range(200)
    ]
    fields = {"zip": {"type": "category"}, "part": {"type": "category"}, "sim": {"type": "id"}}
    block = dataset(tmp_path, lines("zip,part,sim", rows), fields, split={"val": 0.2, "by": "sim"})
    facts = gather("d", block, 0)
    assert facts.fields["zip"].classes == ("007", "7", "12")
    assert facts.fields["part"].classes == ("12000", "12E3", "5E10")
    assert len(facts.fields["sim"].classes) == facts.groups["sim"] == 50


def test_marks_hold_whatever_type_the_column_seems_to_have(tmp_path):
    """A mark that is a text masks numbers, one that is a number masks its texts."""
    draw = random.Random(0)
    values = [draw.gauss(0, 1) for _ in range(80)]
    rows = [
        ("-999", "-999.0") if i % 4 == 0 else (f"{value:.3f}", "NA" if i % 4 == 1 else f"{value:.3f}")
        for i, value in enumerate(values)
    ]
    fields = {"a": {"type": "number", "missing": ["-999"]}, "b": {"type": "number", "missing": [-999, "NA"]}}
    facts = gather("d", dataset(tmp_path, lines("a,b", rows), fields), 0)
    assert [facts.fields[name].num_missing for name in "ab"] == [20, 40]
    assert min(facts.fields[name].minimum for name in "ab") > -10


def test_a_notation_is_that_of_all_files(tmp_path):
    """A comma that is clear in one file says what it means in the other."""
    (tmp_path / "val.csv").write_text('x\n"1,250"\n"2,125"\n')
    block = dataset(
        tmp_path, 'x\n"1,5"\n"2,25"\n', {"x": {"type": "number"}}, split={"val": str(tmp_path / "val.csv")}
    )
    facts = gather("d", block, 0)
    assert facts.fields["x"].extra["notation"] == "1234,5"
    assert (facts.fields["x"].minimum, facts.fields["x"].maximum) == (1.5, 2.25)


def test_typed_files_of_one_dataset_are_compared(tmp_path):
    """Integers and floats of two files are one class; numbers in one and texts in the other are refused."""
    pl.DataFrame({"k": [1, 2, 1]}).write_parquet(tmp_path / "train.parquet")
    pl.DataFrame({"k": [1.0, None, 2.0]}).write_parquet(tmp_path / "floats.parquet")
    pl.DataFrame({"k": ["1", "2", "1"]}).write_parquet(tmp_path / "texts.parquet")
    source = {"type": "parquet", "path": str(tmp_path / "train.parquet")}

    def facts(name):
        split = {"val": str(tmp_path / name)}
        return gather("d", dataset(tmp_path, "", {"k": {"type": "category"}}, source, split=split), 0)

    assert (facts("floats.parquet").fields["k"].classes, facts("floats.parquet").missing) == (
        ("1", "2"),
        {"k": {"train": 0, "val": 1}},
    )
    with pytest.raises(ProblemError) as caught:
        facts("texts.parquet")
    assert (caught.value.problem.code, caught.value.problem.notes[0]) == (
        "DAT377",
        "it is in texts.parquet row 0",
    )


def test_joined_files_keep_order_and_types(tmp_path):
    """Rows asked for in any order come back in it, as one column of texts or one array."""
    block = dataset(tmp_path, "x\na\nb\n", {"x": {"type": "id"}}, split={"val": str(tmp_path / "val.csv")})
    (tmp_path / "val.csv").write_text("x\nc\nd\n")
    reader = open_reader(block.source, {"val": str(tmp_path / "val.csv")})
    assert reader.read("x", np.array([3, 0, 2, 0])).tolist() == ["d", "a", "c", "a"]
    assert reader.read("x").tolist() == ["a", "b", "c", "d"]
    assert len(reader.read("x", np.array([], np.int64))) == 0


def test_rows_without_a_split_or_a_group_are_counted(tmp_path):
    """What stands in no split is the difference of the facts; a group of nobody is counted as missing."""
    rows = [("train", "a"), (" val ", "b"), ("", "c"), ("train", ""), ("VAL", "d")]
    fields = {"part": {"type": "category"}, "who": {"type": "id"}}
    facts = gather("d", dataset(tmp_path, lines("part,who", rows), fields, split={"column": "part"}), 0)
    assert (facts.num_samples, facts.splits) == (5, {"train": 2, "val": 2})
    assert facts.missing["who"] == {"train": 1, "val": 0}
