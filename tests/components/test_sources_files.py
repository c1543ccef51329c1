"""Sources that read files: what they give, and that bad files end in problems, never in tracebacks or harm."""

import io
import json
import pickle
import sys
import zipfile

import numpy as np
import polars as pl
import pytest

from declare.contract.problem import ProblemError
from declare.parsing import parser
from declare.system import trust


def source(block):
    """Return a source."""
    return parser.parse("sources", block)


def problem(block):
    """Return the problem that opening ends in, the title and label within the rules of form."""
    made = source(block)
    with pytest.raises(ProblemError) as caught:
        made.open()
    found = caught.value.problem
    assert len(found.title) <= 80
    assert len(found.label.split()) <= 8
    assert found.at.startswith("source")
    return found


def as_list(values):
    """Return values as plain ones."""
    return [value.item() if hasattr(value, "item") else value for value in values]


FILES = [("csv", "x.csv"), ("parquet", "x.parquet"), ("npz", "x.npz"), ("jsonl", "x.jsonl")]


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_missing_files(kind, name, tmp_path):
    """A file that is not there is DAT312, whose notes name what is."""
    (tmp_path / f"other{name[1:]}").write_text("")
    found = problem({"type": kind, "path": tmp_path / name})
    assert found.code == "DAT312"
    assert f"other{name[1:]}" in found.notes[0]


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_empty_files(kind, name, tmp_path):
    """A file of no bytes is DAT302."""
    (tmp_path / name).write_bytes(b"")
    assert problem({"type": kind, "path": tmp_path / name}).code == "DAT302"


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_folders_in_place_of_files(kind, name, tmp_path):
    """A folder of that name is DAT312."""
    (tmp_path / name).mkdir()
    assert problem({"type": kind, "path": tmp_path / name}).code == "DAT312"


@pytest.mark.parametrize(
    ("kind", "name", "content"),
    [
        ("parquet", "x.parquet", b"PAR1 no table PAR1"),
        ("parquet", "x.parquet", b"a,b\n1,2\n"),
        ("npz", "x.npz", b"PK\x03\x04 cut off"),
        ("npz", "x.npz", b"no archive"),
        ("csv", "x.csv", b"a,b\n1,2\n3,4,5\n"),
        ("csv", "x.csv", b"a,b\n\xff\xfe,1\n"),
        ("jsonl", "x.jsonl", b'{"a": 1}\n{"a": \n'),
        ("jsonl", "x.jsonl", b"[1, 2]\n"),
        ("jsonl", "x.jsonl", b'{"a": "\xff"}\n'),
        ("jsonl", "x.jsonl", b"[" * 100_000),
        ("jsonl", "x.jsonl", b'{"a": ' + b"9" * 5000 + b"}\n"),
    ],
)
def test_malformed_files(kind, name, content, tmp_path):
    """What is not of the source's kind is DAT333 with a reason."""
    (tmp_path / name).write_bytes(content)
    found = problem({"type": kind, "path": tmp_path / name})
    assert found.code == "DAT333"
    assert found.notes[0]


@pytest.mark.parametrize(
    ("kind", "name", "content"),
    [("csv", "x.csv", b"a,b\n"), ("jsonl", "x.jsonl", b"\n\n"), ("jsonl", "x.jsonl", b"{}\n{}\n")],
)
def test_files_without_rows(kind, name, content, tmp_path):
    """A table without a row or a column is DAT302."""
    (tmp_path / name).write_bytes(content)
    assert problem({"type": kind, "path": tmp_path / name}).code == "DAT302"


def test_fingerprints_follow_changes(tmp_path):
    """Another content of another size gives another fingerprint; the same file the same."""
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1}\n')
    first = source({"type": "jsonl", "path": path}).fingerprint()
    assert first == source({"type": "jsonl", "path": path}).fingerprint()
    path.write_text('{"a": 10}\n')
    assert first != source({"type": "jsonl", "path": path}).fingerprint()


# parquet


def test_parquet_keeps_numbers_gaps_and_lists(tmp_path):
    """Columns come back with None in gaps and lists as they are."""
    path = tmp_path / "x.parquet"
    frame = pl.DataFrame({"a": [1, 2, 3], "b": ["x", None, "z"], "c": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]})
    frame.write_parquet(path)
    reader = source({"type": "parquet", "path": path}).open()
    assert (reader.num_samples, tuple(reader.columns)) == (3, ("a", "b", "c"))
    assert as_list(reader.read("a", np.array([2, 0]))) == [3, 1]
    assert list(reader.read("b")) == ["x", None, "z"]
    assert [list(row) for row in reader.read("c", np.array([1]))] == [[3.0, 4.0]]


# npz


def npz(path, members, *, level=zipfile.ZIP_DEFLATED):
    """Write raw members into an archive."""
    with zipfile.ZipFile(path, "w", level) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return {"type": "npz", "path": path}


def npy(array, **options):
    """Return an array as the bytes of an npy file."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asanyarray(array), **options)
    return buffer.getvalue()


def header(shape, dtype="<f8"):
    """Return the header alone of an npy file."""
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": dtype, "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def test_floats_of_32_bits_keep_their_texts_beside_gaps(tmp_path):
    """A class is 0.1 whether or not another row is empty."""
    path = tmp_path / "a.parquet"
    pl.DataFrame({"x": pl.Series([0.1, None], dtype=pl.Float32)}).write_parquet(path)
    values = parser.parse("sources", {"type": "parquet", "path": str(path)}).open().read("x")
    assert parser.parse("fields", {"type": "category"}).infer_facts(values).classes == ("0.1",)


def test_numbers_of_scikit_learn_come_in_double_precision():
    """What is subtracted from them has not been rounded before."""
    reader = parser.parse("sources", {"type": "sklearn", "name": "iris"}).open()
    assert reader.read("features").dtype == np.float64
    assert reader.read("features")[0, 0] == 5.1


def test_npz_gives_arrays_by_name(tmp_path):
    """Every array is a column; rows come in the order that is asked for."""
    np.savez_compressed(tmp_path / "x.npz", x=np.arange(12).reshape(4, 3), y=np.array(list("abcd")))
    reader = source({"type": "npz", "path": tmp_path / "x.npz"}).open()
    assert reader.num_samples == 4
    assert reader.read("x", np.array([3, 1])).tolist() == [[9, 10, 11], [3, 4, 5]]
    assert reader.read("y").tolist() == list("abcd")


def test_npz_with_arrays_of_different_lengths(tmp_path):
    """Arrays with other numbers of samples are DAT317."""
    np.savez(tmp_path / "x.npz", x=np.zeros(4), y=np.zeros(5))
    assert problem({"type": "npz", "path": tmp_path / "x.npz"}).code == "DAT317"


class Harm:
    """Something whose unpickling would run code."""

    def __reduce__(self):
        """Ask for an exit when it is unpickled."""
        return (sys.exit, ("code ran",))


def test_npz_with_pickled_objects(tmp_path):
    """Pickled objects are DAT335 and never unpickled."""
    array = np.array([Harm(), Harm()], dtype=object)
    block = npz(tmp_path / "x.npz", {"x.npy": npy(array, allow_pickle=True)})
    assert problem(block).code == "DAT335"


def test_npz_with_a_pickle_for_a_member(tmp_path):
    """A member that is no array at all is refused, never unpickled."""
    block = npz(tmp_path / "x.npz", {"x.npy": pickle.dumps(Harm())})
    assert problem(block).code in {"DAT333", "DAT335"}


def test_npz_bomb_is_refused_before_it_is_unpacked(tmp_path):
    """An archive that unpacks to hundreds of times its size is DAT335."""
    with (
        zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w") as file,
    ):
        for _ in range(80):
            file.write(bytes(1 << 20))
    assert problem({"type": "npz", "path": tmp_path / "x.npz"}).code == "DAT335"


def test_npz_with_very_many_members(tmp_path):
    """Thousands of members are DAT335."""
    block = npz(tmp_path / "x.npz", {f"{number}.npy": b"" for number in range(1100)})
    assert problem(block).code == "DAT335"


@pytest.mark.parametrize("shape", [(1 << 40,), (1 << 20, 1 << 20, 1 << 20)])
def test_npz_whose_header_promises_more_than_it_holds(shape, tmp_path):
    """A header of a giant array over a few bytes is a problem, not an attempt to get the memory."""
    block = npz(tmp_path / "x.npz", {"x.npy": header(shape) + bytes(64)})
    assert problem(block).code in {"DAT333", "DAT335"}


def test_npz_with_two_arrays_of_one_name(tmp_path):
    """Neither is the column of that name."""
    path = tmp_path / "a.npz"
    np.savez(path, x=np.arange(3))
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("x.npy", archive.read("x.npy"))
    with pytest.raises(ProblemError) as caught:
        parser.parse("sources", {"type": "npz", "path": str(path)}).open()
    assert caught.value.problem.notes == ("`x.npy` occurs twice in it",)


def test_npz_cut_short(tmp_path):
    """A member that lacks its last bytes is DAT333."""
    block = npz(tmp_path / "x.npz", {"x.npy": npy(np.arange(100.0))[:-9]})
    assert problem(block).code == "DAT333"


def test_npz_with_flipped_bits(tmp_path):
    """A member whose checksum does not hold is DAT333."""
    npz(tmp_path / "x.npz", {"x.npy": npy(np.arange(1000.0))}, level=zipfile.ZIP_STORED)
    content = bytearray((tmp_path / "x.npz").read_bytes())
    content[2000] ^= 255
    (tmp_path / "x.npz").write_bytes(bytes(content))
    assert problem({"type": "npz", "path": tmp_path / "x.npz"}).code == "DAT333"


# jsonl


def test_jsonl_fills_gaps(tmp_path):
    """A key that a line lacks is missing there; empty lines are passed over; `where` names the line."""
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": 1, "b": "x"}\n\n{"a": 2}\n{"b": null, "c": [1, 2]}\n')
    reader = source({"type": "jsonl", "path": path}).open()
    assert tuple(reader.columns) == ("a", "b", "c")
    assert list(reader.read("a")) == [1, 2, None]
    assert list(reader.read("c", np.array([2, 0]))) == [[1, 2], None]
    assert "line 4" in reader.where(2)


# python


def user_file(path, text, *, trusted=True):
    """Write a user's file and trust it."""
    path.write_text(text)
    if trusted:
        trust.grant([trust.entry(path, path.read_bytes())])
    return path


def test_python_calls_the_function(tmp_path):
    """The function gets `args`; its mapping gives the columns."""
    text = "def load(size):\n    return {'x': [[0.0, 1.0]] * size, 'y': list(range(size))}\n"
    file = user_file(tmp_path / "data.py", text)
    reader = source({"type": "python", "file": file, "name": "load", "args": {"size": 3}}).open()
    assert (reader.num_samples, list(reader.read("y"))) == (3, [0, 1, 2])


def test_python_needs_trust(tmp_path):
    """A file that is not trusted is REF242 and does not run."""
    file = user_file(tmp_path / "data.py", "raise SystemExit('ran')\n", trusted=False)
    with pytest.raises(ProblemError) as caught:
        source({"type": "python", "file": file, "name": "load"}).open()
    assert caught.value.problem.code == "REF242"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x = 1\n", "REF243"),
        ("def load():\n    raise ValueError('no')\n", "REF243"),
        ("def load():\n    return [1, 2]\n", "REF243"),
        ("def load():\n    return {'x': 3}\n", "REF243"),
        ("def load():\n    return {1: [3]}\n", "REF243"),
        ("def load(size):\n    return {}\n", "REF243"),
        ("def load(\n", "REF243"),
        ("def load():\n    return {}\n", "DAT302"),
        ("def load():\n    return {'x': []}\n", "DAT302"),
        ("def load():\n    return {'x': [1], 'y': [1, 2]}\n", "DAT317"),
    ],
)
def test_python_that_does_not_work(text, code, tmp_path):
    """A function that is absent, fails or returns something else is a problem."""
    file = user_file(tmp_path / "data.py", text)
    with pytest.raises(ProblemError) as caught:
        source({"type": "python", "file": file, "name": "load"}).open()
    assert caught.value.problem.code == code
    assert len(caught.value.problem.title) <= 80


def test_json_of_the_standard_is_read_exactly(tmp_path):
    """Texts, numbers and nested lists come back as Python's own reader gives them."""
    rows = [{"a": "\u00e4\u2028b", "b": 1e-300, "c": [[1, 2], [3, 4]], "d": True}]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    reader = source({"type": "jsonl", "path": tmp_path / "x.jsonl"}).open()
    assert {name: reader.read(name)[0] for name in reader.columns} == rows[0]


def test_integers_wider_than_any_of_numpy(tmp_path):
    """Whole numbers of 128 bits and decimals keep all their digits."""
    from decimal import Decimal

    frame = {"a": pl.Series([10**25, 10**25 + 1], dtype=pl.Int128), "b": [Decimal("1.50"), Decimal("2.00")]}
    pl.DataFrame(frame).write_parquet(tmp_path / "x.parquet")
    reader = source({"type": "parquet", "path": tmp_path / "x.parquet"}).open()
    assert reader.read("a").tolist() == [str(10**25), str(10**25 + 1)]
    assert reader.read("b").tolist() == ["1.5", "2"]


def test_another_separator_is_named(tmp_path):
    """A table of one cell a line says which separator it seems to have."""
    (tmp_path / "x.csv").write_text("a;b\n1;2\n")
    found = problem({"type": "csv", "path": tmp_path / "x.csv"})
    assert found.code == "DAT333"
    assert 'separator: ";"' in found.notes[0]


def test_one_column_needs_no_separator(tmp_path):
    """A table of one column whose texts hold marks is read."""
    (tmp_path / "x.csv").write_text("text\na; b\n")
    assert source({"type": "csv", "path": tmp_path / "x.csv"}).open().read("text").tolist() == ["a; b"]


def test_names_in_lines_start_at_the_file(tmp_path):
    """File names in a jsonl file start at its folder."""
    (tmp_path / "x.jsonl").write_text('{"image": "a.png"}\n')
    assert source({"type": "jsonl", "path": tmp_path / "x.jsonl"}).open().folder == tmp_path


def test_columns_with_an_index_are_read_by_position():
    """What a Python function returns with labels of its own stands beside arrays row by row."""
    from declare.components.sources._arrays import ArrayReader

    pandas = pytest.importorskip("pandas")
    columns = {
        "a": pandas.Series(["x", "y", None], index=[2, 1, 0]),
        "b": np.arange(3),
        "c": pl.Series([7, 8, 9]),
    }
    reader = ArrayReader(columns, origin="here")
    rows = np.array([2, 0])
    assert [reader.read("b", rows).tolist(), reader.read("c", rows).tolist()] == [[2, 0], [9, 7]]
    assert reader.read("a", np.array([1, 0])) == ["y", "x"]


def test_columns_of_arrows_extension_types_are_what_they_mean(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "x.parquet"
    arrays = np.arange(12.0).reshape(2, 2, 3)
    table = {
        "tensor": pa.FixedShapeTensorArray.from_numpy_ndarray(arrays),
        "flag": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([3, None], pa.int8())),
    }
    pq.write_table(pa.table(table), path)
    reader = source({"type": "parquet", "path": path}).open()
    np.testing.assert_array_equal(reader.read("tensor"), arrays)
    assert reader.read("flag") == [True, None]


def test_a_column_of_an_unknown_extension_type_is_refused(tmp_path):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

    class Months(pa.ExtensionType):
        def __init__(self):
            super().__init__(pa.int64(), "some.months")

        def __arrow_ext_serialize__(self):
            return b""

    path = tmp_path / "x.parquet"
    months = pa.ExtensionArray.from_storage(Months(), pa.array([600, 601]))
    pq.write_table(pa.table({"when": months}), path)
    with pytest.raises(ProblemError) as caught:
        source({"type": "parquet", "path": path}).open().read("when")
    assert caught.value.problem.code == "DAT319"


def test_half_a_character_is_no_text(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"a": "\\ud83d\\ude00"}\n')
    assert source({"type": "jsonl", "path": path}).open().read("a") == ["\U0001f600"]
    path.write_text('{"a": "\\ud83d"}\n')
    with pytest.raises(ProblemError) as caught:
        source({"type": "jsonl", "path": path}).open()
    assert caught.value.problem.code == "DAT333"
