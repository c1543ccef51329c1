"""Text tables: what is read, and what is said of lines that cannot be."""

import numpy as np
import pytest

from declare.contract.problem import ProblemError
from declare.parsing import parser


def opened(tmp_path, content, **keys):
    path = tmp_path / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return parser.parse("sources", {"type": "csv", "path": path, **keys}).open()


def finding(tmp_path, content):
    with pytest.raises(ProblemError) as caught:
        opened(tmp_path, content)
    return caught.value.problem.code, caught.value.problem.notes[0]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffx,y\n1,a\n2,b\n".encode("utf-16-le"),
        "\ufeffx,y\n1,a\n2,b\n".encode("utf-16-be"),
        ",x,y\n0,1,a\n1,2,b\n",
        '"","x","y"\n"1","1","a"\n"2","2","b"\n',
        "x,y,\n1,a,\n2,b,\n",
        '\ufeff"x",y\n1,a\n2,b\n',
        "x,y\n1,a\n2,b\n",
        "\ufeffx,y\n1,a\n2,b\n",
        "x,y\r\n1,a\r\n2,b\r\n",
        "x,y\n1,a\n\n2,b\n\n",
    ],
)
def test_tables_are_read_alike(tmp_path, content):
    """A byte-order mark, Windows line ends, blank lines, an index and an empty last column change nothing."""
    reader = opened(tmp_path, content)
    assert list(reader.columns) == ["x", "y"]
    assert reader.read("x").tolist() == ["1", "2"]
    assert reader.read("y").tolist() == ["a", "b"]


def test_quoted_cells_hold_separators_and_line_ends(tmp_path):
    """Then samples are named by row, for lines would mislead."""
    reader = opened(tmp_path, 'x,y\n1,"a,\nb"\n2,c\n')
    assert reader.read("y").tolist() == ["a,\nb", "c"]
    assert reader.where(1) == "table.csv row 1"


def test_quoted_names_hold_quotation_marks(tmp_path):
    """A name is what its cell says, as values are."""
    reader = opened(tmp_path, '\ufeff"a ""b""","c, d",a_duplicated_0\n1,2,3\n4,"x""y",6\n')
    assert list(reader.columns) == ['a "b"', "c, d", "a_duplicated_0"]
    assert reader.read("c, d").tolist() == ["2", 'x"y']


def test_samples_are_named_by_line(tmp_path):
    """The header is line 1."""
    assert opened(tmp_path, "x\n5\n6\n").where(1) == "table.csv line 3"


def test_empty_cells_are_missing(tmp_path):
    """A gap in the last column is a gap, not a short line."""
    reader = opened(tmp_path, "x,y\n1,\n,b\n3,c\n")
    assert reader.read("x").tolist() == ["1", None, "3"]
    assert reader.read("y", np.array([0, 2])).tolist() == [None, "c"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("x,y\n1,a\n2\n3,c\n", "line 3 has 1 cell, but the header has 2"),
        ("x,y\n1,a\n2,b,c\n", "line 3 has 3 cells, but the header has 2"),
        ('x,y\n1,"a,b"\n2\n', "line 3 has 1 cell, but the header has 2"),
        ("x,y\r\n1,a\r\n\r\n2\r\n", "line 4 has 1 cell, but the header has 2"),
        ("x,y\n1,a\n2,caf\xe9\n".encode("latin-1"), "line 3 is not UTF-8"),
        ("x,y\n1,a\n2,caf\xe9\n".encode("latin-1"), "`windows-1252`"),
        ("x,y\n1,a\n".encode("utf-16-le"), "`utf-16-le`"),
        ("\ufeffx,y\n1,a\n".encode("utf-16-le")[:-1], "it is not utf-16"),
        ("x,y,x\n1,a,2\n", "names `x` twice"),
        ("x,,y\n1,a,2\n", "empty name"),
    ],
)
def test_the_line_at_fault_is_named(tmp_path, content, said):
    """Lines of other lengths, other encodings and unusable headers are DAT333 with what is wrong."""
    code, note = finding(tmp_path, content)
    assert code == "DAT333"
    assert said in note


def test_another_separator(tmp_path):
    """Semicolons are asked for by name."""
    assert opened(tmp_path, "x;y\n1;2,5\n", separator=";").read("y").tolist() == ["2,5"]


def test_an_encoding_is_stated_by_name(tmp_path):
    """Letters of Windows come back as they were written; an unknown encoding is refused in the spec."""
    content = "x,y\n\u20ac 5,caf\xe9\n".encode("cp1252")
    assert opened(tmp_path, content, encoding="windows-1252").read("y").tolist() == ["caf\xe9"]
    _, problems = parser.read("sources", {"type": "csv", "path": "t.csv", "encoding": "klingon"})
    assert [(item.code, item.at) for item in problems] == [("SCH108", "encoding")]


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('x,y\n1,a\n2,"b \\"c\\" d"\n', 3),
        ('x,y\n""a"",1\n', 2),
        ('x,y\n1,"a\n"\n2,"""b"c""\n', 4),
    ],
)
def test_single_quotation_marks_in_quoted_cells_are_refused(tmp_path, content, line):
    r"""Spark and MySQL write `\"`, which other readers take for the end of a cell, or leave out."""
    code, note = finding(tmp_path, content)
    assert code == "DAT333"
    assert note.startswith(f"line {line} has a quoted cell")


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('"a ""b"" c"', 'a "b" c'),
        ('"C:\\dir\\"', "C:\\dir\\"),
        ('5" x 3"', '5" x 3"'),
        ('a""b', 'a""b'),
        ('"a\r\n""b"""', 'a\r\n"b"'),
    ],
)
def test_doubled_and_unquoted_quotation_marks_are_text(tmp_path, cell, text):
    """In a cell that starts with one they are doubled, in others they stand as they are."""
    for content in (f"y,x\n{cell},1\n", f"x,y\r\n1,{cell}\r\n", f"x,y\n1,{cell}"):
        assert opened(tmp_path, content).read("y").tolist() == [text]


def test_blocks_of_a_table_are_read_as_one(tmp_path, monkeypatch):
    """A quoted cell may go on in the next block."""
    monkeypatch.setattr("declare.components.sources._lines._BLOCK", 8)
    assert opened(tmp_path, 'x,y\n1,"a\nb ""c""\n"\n').read("y").tolist() == ['a\nb "c"\n']
    _, note = finding(tmp_path, 'x,y\n1,"a\nb"\n2,"c\n\\"d\\"\n"\n')
    assert note.startswith("line 5 ")


def test_a_second_header_line_is_refused(tmp_path):
    """Files that are joined end to end repeat it; in a table of one column it may be a value."""
    code, note = finding(tmp_path, "x,y\n1,a\nx,y\n2,b\n")
    assert code == "DAT333"
    assert "row 2 " in note
    assert opened(tmp_path, "x\n1\nx\n").read("x").tolist() == ["1", "x"]
