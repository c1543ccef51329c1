"""A class is its text: what a column of any type and source says of its values."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from declare.contract.problem import ProblemError
from declare.contract.text_column import TextColumn
from declare.emit.writers.raw_column import raw_column
from declare.parsing import parser


def field(**block):
    return parser.parse("fields", block)


def refused(values, **block):
    with pytest.raises(ProblemError) as caught:
        field(**block).infer_facts(values)
    return caught.value.problem


def read(values, **block):
    made = field(**block)
    facts = made.infer_facts(values)
    return facts, made.encode(values, facts)


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        (np.array([7, 12, 7]), ("7", "12")),
        (np.array([7, 12, 7], np.uint64), ("7", "12")),
        (np.array([2**64 - 1, 1], np.uint64), ("1", str(2**64 - 1))),
        (np.array([7.0, 12.0, 7.0]), ("7", "12")),
        (np.array([7.0, 12.0, np.nan], np.float32), ("7", "12")),
        (np.array([0.1, 0.25], np.float32), ("0.1", "0.25")),
        (np.array([1.5, 2.0], np.float16), ("1.5", "2")),
        (np.array([7, 12], object), ("7", "12")),
        (np.array([True, False]), ("false", "true")),
        ([True, False, None], ("false", "true")),
        ([True, 1, 1.0, 0], ("0", "1", "true")),
        ([b"a", b"b"], ("a", "b")),
        (np.array([b"a", b"b"]), ("a", "b")),
        (np.array(["007", "7"]), ("007", "7")),
        ([Decimal("1.50"), Decimal("2.00"), Decimal(3)], ("1.5", "2", "3")),
        ([dt.date(2024, 1, 2)], ("2024-01-02",)),
        (np.array(["2024-01", "2024-02"], "datetime64[M]"), ("2024-01", "2024-02")),
        (
            ["007", "7", "12E3", "12000", "1.0", "nan", "None", "true", ""],
            ("1.0", "007", "7", "12000", "12E3", "None", "nan", "true"),
        ),
    ],
)
def test_a_value_has_one_text_whatever_its_type(values, classes):
    """Whole numbers have no point, booleans are those of JSON, texts are themselves, what is empty is missing."""
    for kind in ("category", "id"):
        facts, codes = read(values, type=kind)
        assert facts.classes == classes
        assert facts.num_missing == int((codes < 0).sum())


@pytest.mark.parametrize("values", [[True, "true"], [7, "7"], [7.0, "7", None]])
def test_one_text_of_two_types_is_refused(values):
    """A class that two types share is DAT377 at the row of the second."""
    problem = refused(values, type="category")
    assert (problem.code, problem.row) == ("DAT377", 1)


def test_bytes_that_are_no_text_are_refused():
    """Two different bytes never become one class of replacement signs."""
    assert refused([b"\xff", b"\xfe"], type="id").code == "DAT311"


@pytest.mark.parametrize(
    "values", [[1.0, 2.0**60], np.array([2.0**54]), np.array([2.0**25], np.float32), [1.5, -1e19]]
)
def test_floats_that_have_merged_are_no_names(values):
    """Beyond the whole numbers that a float tells apart nothing is taken for a name; below they are digits."""
    assert refused(values, type="id").code == "DAT384"
    assert read(np.array([2.0**53, np.inf]), type="id")[0].classes == (str(2**53), "inf")


@pytest.mark.parametrize(
    ("values", "missing", "gone"),
    [
        (["-999", "-999.0", "-0999", "7"], [-999], 2),
        (["-999", "-999.0"], ["-999"], 1),
        (np.array([-999.0, 7.0]), ["-999"], 1),
        (["007", "7", "7.0"], [7], 2),
        (["true", "1"], [True], 1),
        ([" NA ", "NA", "na"], ["NA"], 2),
        (["", None, "x"], [], 2),
    ],
)
def test_marks_stand_for_their_text_or_their_number(values, missing, gone):
    """A mark that is a number stands for every text of that number without zeros before it."""
    facts, codes = read(values, type="category", missing=missing)
    assert facts.num_missing == gone == int((codes < 0).sum())


@pytest.mark.parametrize(
    ("block", "values", "unused"),
    [
        ({"type": "category", "missing": ["x", "y"]}, ["x", "a"], ['"y"']),
        ({"type": "id", "missing": [-1]}, [1, 2], ["-1"]),
        ({"type": "number", "missing": ["NA", -9, ""]}, TextColumn.of(["NA", "1"]), ["-9"]),
        ({"type": "number", "missing": ["", "NA"]}, np.array([1.0, 2.0]), ['"NA"']),
        ({"type": "labels", "missing": ["?"]}, ["a|b", "a"], ['"?"']),
        ({"type": "tags", "of": "text", "missing": ["?"]}, [["a"], ["b"]], ['"?"']),
        ({"type": "vector", "missing": [-1, -2]}, np.array([[1, -2], [3, 4]]), ["-1"]),
        ({"type": "series", "missing": [-1, -2]}, [[[1.0, -2.0]], [[3.0]]], ["-1"]),
    ],
)
def test_marks_that_never_occur_are_known(block, values, unused):
    """Facts name the marks that stand for no value of the column."""
    assert field(**block).infer_facts(values).extra["unused_marks"] == unused


def test_marks_in_arrays_are_gaps():
    """A mark in a vector or a series is NaN, compared in the type of the array."""
    values = np.array([[-999.9, 1.0], [2.0, 3.0]], np.float32)
    _, encoded = read(values, type="vector", missing=[-999.9])
    np.testing.assert_array_equal(encoded, np.array([[np.nan, 1.0], [2.0, 3.0]], np.float32))
    _, encoded = read(np.array([[99999999, 100000000]]), type="vector", missing=[99999999])
    assert np.isnan(encoded).tolist() == [[True, False]]


@pytest.mark.parametrize(
    ("texts", "block", "numbers"),
    [
        (["1.5", "2", "-3e2"], {}, [1.5, 2, -300]),
        (["1,5", "2,75", "3"], {}, [1.5, 2.75, 3]),
        (["1,234", "2,5"], {}, [1.234, 2.5]),
        (["1,234.5", "12"], {}, [1234.5, 12]),
        (["1.234,5", "12"], {}, [1234.5, 12]),
        (["1\u00a0234,5", "\u22122"], {}, [1234.5, -2]),
        (["1'234", "12"], {}, [1234, 12]),
        (["1\u2019234.5", "12"], {}, [1234.5, 12]),
        (["0x1F", "10"], {}, [31, 10]),
        (["inf", "-Infinity", "nan"], {}, [np.inf, -np.inf, np.nan]),
        (["\ufeff1", " 2 ", "  "], {}, [1, 2, np.nan]),
        (["True", "FALSE", None], {}, [1, 0, np.nan]),
        (["12 %", "3.5%"], {"unit": "%"}, [12, 3.5]),
        (["$1,200.50", "-$3"], {"unit": "$"}, [1200.5, -3]),
        (["1,234"], {"decimal": ","}, [1.234]),
        (["950", "1.250", "3.400"], {"decimal": ","}, [950, 1250, 3400]),
        (["950", "1.250", "3.400"], {"decimal": "."}, [950, 1.25, 3.4]),
        (["950", "1.250", "0.400"], {}, [950, 1.25, 0.4]),
        (["950.000", "1.250", "3.400"], {}, [950, 1.25, 3.4]),
        (["1,234"], {"thousands": ","}, [1234]),
    ],
)
def test_numbers_are_read_in_the_notation_of_their_column(texts, block, numbers):
    """The one notation in which all texts are numbers holds, in every part of the column and later on."""
    made = field(type="number", **block)
    facts = made.infer_facts(TextColumn.of(texts))
    for values in (TextColumn.of(texts), texts, np.array(texts, object)):
        np.testing.assert_array_equal(made.encode(values, facts), np.array(numbers, np.float64))
    np.testing.assert_array_equal(made.encode(texts[:1], facts), np.array(numbers[:1], np.float64))


@pytest.mark.parametrize(
    ("texts", "code", "said"),
    [
        (["1,234", "12"], "DAT376", 'decimal: ","'),
        (["1.5", "2,5"], "DAT376", "in one way"),
        (["1,234", "2.5"], "DAT376", "in one way"),
        (["12%", "3%"], "DAT376", 'unit: "%"'),
        (["$1", "$2"], "DAT376", 'unit: "$"'),
        (["1", "NA", "n/a", "NA"], "DAT318", 'missing: ["NA", "n/a"]'),
        (["2024-01-02", "2024-01-03"], "DAT318", "type: datetime"),
        (["1_000", "2"], "DAT318", "1_000"),
        (["true", "2"], "DAT318", "true"),
        (["5-", "3-"], "DAT318", "missing"),
        (["<5", "<3"], "DAT318", "missing"),
        ([f"{number},12,345" for number in range(10, 20)], "DAT318", "`1234.5`"),
        (["950", "1.250", "3.400", "12.000"], "DAT376", 'decimal: ","'),
    ],
)
def test_one_finding_names_the_remedy_for_the_column(texts, code, said):
    """Texts that are no numbers, or may be two, are said once, with all of them in mind."""
    problem = refused(TextColumn.of(texts), type="number")
    assert problem.code == code
    assert said in " ".join(problem.helps)
    assert len(problem.title) <= 80


def test_truth_among_numbers_is_refused():
    """JSON's true beside 2.5 is no number."""
    assert refused([2.5, True], type="number").code == "DAT319"
    assert refused([np.float64(2.5), np.True_], type="number").code == "DAT319"
    assert read([np.True_, False, None], type="number")[1][:2].tolist() == [1, 0]


@pytest.mark.parametrize(
    "rows", [[[1, 0], [0, 1]], np.array([[1, 0], [0, 1]]), np.array([[True, False], [False, True]])]
)
def test_rows_of_flags_are_labels_in_lists_as_in_arrays(rows):
    """Equally long lists of 0 and 1 are a table, as an array of them is."""
    facts, encoded = read(rows, type="labels")
    assert (facts.classes, encoded.tolist()) == (("0", "1"), [[1, 0], [0, 1]])


@pytest.mark.parametrize("gap", [None, float("nan"), -1, "?"])
@pytest.mark.parametrize("classes", [None, ["cat", "dog"]])
def test_what_is_not_known_in_lists_of_flags_is_missing(gap, classes):
    """A gap, a mark and a row without a value leave rows of flags what they are in an array."""
    marks = [gap] if gap in {-1, "?"} else []
    facts, encoded = read([[1, gap], None, [True, 0]], type="labels", classes=classes, missing=marks)
    assert facts.classes == tuple(classes or ("0", "1"))
    assert (facts.num_missing, facts.extra) == (1, {"table": True})
    np.testing.assert_array_equal(encoded, [[1, np.nan], [np.nan, np.nan], [1, 0]])


@pytest.mark.parametrize("rows", [[[0, -1, 1], [1, 1, 0]], [[0, 0, 9], [1, 1, 0]], [[-1.0, 1.0], [1.0, 1.0]]])
def test_unstated_marks_among_flags_are_refused(rows):
    """What elsewhere stands for not known is no class; as in an array, it is neither 0 nor 1."""
    for values in (rows, np.array(rows)):
        with pytest.raises(ProblemError) as caught:
            read(values, type="labels")
        assert caught.value.problem.code == "DAT301"


@pytest.mark.parametrize(
    ("rows", "block", "classes"),
    [
        ([[3, 7], [1, 2]], {}, ("1", "2", "3", "7")),
        ([[0, 9], [1, 9]], {}, ("0", "1", "9")),
        ([[0, 1], [1]], {}, ("0", "1")),
        ([[0, -1], [1, 0]], {"classes": [-1, 0, 1]}, ("-1", "0", "1")),
        ([[0, 1], [1, 2**60]], {}, ("0", "1", str(2**60))),
    ],
)
def test_ids_of_labels_stay_names(rows, block, classes):
    """Numbers that are the ids of labels are names, equally many in a row or not."""
    facts, encoded = read(rows, type="labels", **block)
    assert (facts.classes, facts.extra) == (classes, {"table": False})
    assert encoded.shape == (2, len(classes))


@pytest.mark.parametrize(
    ("texts", "block", "remedy"),
    [
        (["['a', 'b']", "['c']", "[]", None], {}, '["a", "b"]'),
        (["['a', 'b']", "['c']"], {"separator": ","}, '["a", "b"]'),
        (["a,b", "b", "c,a"], {}, 'separator: ","'),
        (["a; b", "b", "c; a"], {}, 'separator: ";"'),
    ],
)
def test_names_that_something_else_separates_are_one_finding(texts, block, remedy):
    """Written lists and another separator are said once for the column, with the remedy."""
    problem = refused(TextColumn.of(texts), type="labels", **block)
    assert (problem.code, problem.row) == ("DAT385", 0)
    assert remedy in " ".join(problem.helps)
    assert len(problem.title) <= 80


@pytest.mark.parametrize(
    ("texts", "block"),
    [
        (["a,b", "b", "c,a", "a|b"], {}),
        (["a,b", "b", "c,a"], {"separator": "|"}),
        (["a,b", "b", "c,a"], {"classes": ["a,b", "b", "c,a"]}),
        (["Paris, France", "Lyon, France"], {}),
        (["a,b;c", "a", "b"], {}),
        (["[NOUN]", "[VERB]"], {}),
        (["a", "b"], {}),
    ],
)
def test_names_with_a_comma_stay_names(texts, block):
    """Where the separator is stated or occurs, or the parts do not recur, a text is a name."""
    assert "table" in read(TextColumn.of(texts), type="labels", **block)[0].extra


def test_names_in_lists_are_texts():
    """Numbers and booleans in lists are classes as in a category; a mark leaves open what else holds."""
    facts, encoded = read([[7, 12], [True], ["?", 7], None], type="labels", missing=["?"])
    assert facts.classes == ("7", "12", "true")
    np.testing.assert_array_equal(encoded, [[1, 1, 0], [0, 0, 1], [1, np.nan, np.nan], [np.nan] * 3])


def test_one_text_of_two_types_is_refused_in_lists_too():
    """The types of names in lists are compared over all lists; the row is that of the sample."""
    for block in ({"type": "labels"}, {"type": "tags", "of": "text"}):
        problem = refused([["a", True], None, ["true"]], **block)
        assert (problem.code, problem.row) == ("DAT377", 2)


def test_values_of_no_type_of_a_class_are_refused():
    """Arrays in a column, bytes that are no text and spans of time are findings, whatever the field."""
    arrays = [np.array([1, 2]), np.array([3])]
    for kind in ("category", "id", "number"):
        assert refused(arrays, type=kind).code == "DAT319"
    assert refused(arrays, type="datetime").code == "DAT382"
    assert refused([[[1], [0, 1]], [[1], [1]]], type="valid").code == "DAT319"
    assert "2 x 3 values" in refused(np.ones((4, 2, 3), bool), type="valid").title
    assert refused([b"\xff"], type="datetime").code == "DAT311"
    assert refused([b"\xff"], type="valid").code == "DAT311"
    assert refused(np.array([5], "timedelta64[s]"), type="datetime").code == "DAT382"


def test_marks_among_names_leave_open_what_else_holds():
    """A mark between separators is a mark as it is in a list."""
    facts, encoded = read(TextColumn.of(["a|?", "b", "a"]), type="labels", missing=["?"])
    np.testing.assert_array_equal(encoded, [[1, np.nan], [0, 1], [1, 0]])
    assert "unused_marks" not in facts.extra


def test_typed_truth_is_read_from_texts_later():
    """What was learned from booleans reads the texts of booleans, and the other way round."""
    made = field(type="number")
    for values in ([True, False], np.array([True, False]), TextColumn.of(["true", "false"])):
        facts = made.infer_facts(values)
        for other in ([True, None], TextColumn.of(["true", None]), np.array([True, False])):
            assert made.encode(other, facts)[0] == 1


def test_flags_of_a_table_are_texts_too():
    """A text table says true and false as a typed one does; a gap or another number is refused."""
    made = field(type="valid")
    for values in (
        TextColumn.of(["true", "False", "1"]),
        np.array([True, False, True]),
        np.array([1.0, 0.0, 1.0]),
    ):
        assert made.encode(values, made.infer_facts(values)).tolist() == [True, False, True]
    for values in (TextColumn.of(["true", None]), np.array([1.0, np.nan]), np.array([0.5, 1.0])):
        assert refused(values, type="valid").code == "DAT319"


@given(st.lists(st.one_of(st.none(), st.text(max_size=6)), min_size=1, max_size=20))
def test_the_name_of_a_class_is_the_text_that_stood_there(texts):
    """Whatever a text is, its class has that very name; only an empty one is missing."""
    for values in (TextColumn.of(texts), texts):
        facts, codes = read(values, type="id")
        names = [None if code < 0 else facts.classes[code] for code in codes]
        assert names == [text or None for text in texts]


MARKS = [(decimal, group) for decimal in ".," for group in ("", ".", ",", " ", "'") if group != decimal]


@given(
    st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 4)), min_size=1, max_size=6),
    st.sampled_from(MARKS),
    st.booleans(),
)
def test_a_written_number_is_read_as_it_was_or_asked_for(numbers, marks, stated):
    """In every notation a column is read right or refused; with its marks stated it is read right."""
    decimal, group = marks
    values = [whole / 10**digits for whole, digits in numbers]
    texts = [
        f"{value:,.{digits}f}".replace(",", "g").replace(".", decimal).replace("g", group)
        for value, (_, digits) in zip(values, numbers, strict=True)
    ]
    block = (
        {"type": "number", "decimal": decimal} | ({"thousands": group} if group else {})
        if stated
        else {"type": "number"}
    )
    if not stated and group == "." and all(text.count(".") < 2 and "," not in text for text in texts):
        return  # 1.234 is 1.234 wherever nothing says otherwise
    column = TextColumn.of(texts)
    made, refusal = field(**block), ""
    try:
        found = made.encode(column, made.infer_facts(column))
    except ProblemError as error:
        refusal = error.problem.code
    assert refusal in ({""} if stated else {"", "DAT376"})
    if not refusal:
        np.testing.assert_allclose(found, np.array(values, np.float32), rtol=1e-6)


def test_gaps_and_marks_in_lists_are_gaps():
    """null, NaN and a mark that is a text are the same gap in a list of numbers."""
    facts, encoded = read([[1, None], ["NA", 2.5], [float("nan"), 3]], type="vector", missing=["NA"])
    np.testing.assert_array_equal(encoded, np.array([[1, np.nan], [np.nan, 2.5], [np.nan, 3]], np.float32))
    assert facts.extra == {}


MIDNIGHT = dt.datetime.fromisoformat("2024-01-02")
TIMES = [
    np.array(["2024-01-02T03:04"], "datetime64[us]"),
    np.array(["2024-01-02"], "datetime64[ns]"),
    np.array([3600], "timedelta64[s]"),
    [None, MIDNIGHT],
    [MIDNIGHT.replace(tzinfo=dt.UTC)],
    [dt.time(3, 4)],
    [dt.timedelta(1)],
    TextColumn(TextColumn.of(["2024-01-02T03:04:00+00:00"]).series, of_times=True),
]


@pytest.mark.parametrize("values", TIMES)
def test_times_are_no_classes(values):
    """Each program writes a time of day as another text; groups need no text, and days have one."""
    assert refused(values, type="category").code == "DAT386"
    assert refused(values, type="labels").code == "DAT386"
    assert read(values, type="id")[1].max() == 0


def test_times_in_lists_are_no_classes():
    """Nor are they the counts that NumPy keeps."""
    assert refused([[MIDNIGHT], []], type="labels").code == "DAT386"
    assert refused(np.array([["2024-01-02"]], "datetime64[ns]"), type="labels").code == "DAT386"
    assert read([[dt.date(2024, 1, 2)], None], type="labels")[0].classes == ("2024-01-02",)


COMPLEX = [np.array([1 + 2j, 3]), np.array([1, 3j], np.complex64), [1 + 2j, None]]


@pytest.mark.parametrize("values", COMPLEX, ids=str)
@pytest.mark.parametrize("kind", ["category", "id", "labels", "number"])
def test_complex_numbers_are_neither_names_nor_numbers(values, kind):
    """The remedy is two real numbers, not a mark for what is missing."""
    problem = refused(values, type=kind)
    assert problem.code == ("DAT318" if kind == "number" else "DAT319")
    assert "real and imaginary part" in problem.helps[0]


def test_records_and_objects_are_no_names():
    """What Python prints of them is not their text."""
    for values in ([(1, 2.0)], [object()], [frozenset({1})]):
        assert refused(values, type="category").code == "DAT319"
    assert read([Path("a/b.png")], type="id")[0].classes == ("a/b.png",)


def test_single_numbers_of_labels_are_written_as_classes_are():
    """In the digits of their own precision."""
    values = np.array([0.1, 2.5], np.float32)
    assert (
        read(values, type="labels")[0].classes == read(values, type="category")[0].classes == ("0.1", "2.5")
    )


def test_times_are_no_numbers():
    """A time, or a span of time, is never read as the count of nanoseconds that holds it."""
    for values in (np.array(["2024-01-01"], "datetime64[ns]"), np.array([5], "timedelta64[ns]")):
        assert refused(values, type="number").code == "DAT318"
        assert refused(values[:, None], type="vector").code == "DAT319"


PLAIN_TEXTS = st.sampled_from(
    ["1", "-2.5", "1e3", "+4", "007", "-999", "nan", "inf", " 5", "0x1F", "1,5", "NA", None]
)


@example(["-999"], ["", "-999"])
@example(["-999"], ["-999", -999])
@given(
    st.lists(PLAIN_TEXTS, min_size=1, max_size=6),
    st.lists(st.sampled_from(["", "NA", "-999", -999, 7, "nan", "inf", "1.0", 0.5]), max_size=2, unique=True),
)
def test_columns_of_plain_numbers_are_read_as_any_other(texts, missing):
    """That they are parsed at once, and once for all rows, changes neither values, gaps, unused marks nor findings."""

    class Slow(TextColumn):
        def plain_numbers(self):
            return None

    def read(column):
        field = parser.parse("fields", {"type": "number", "missing": missing})
        try:
            facts = field.infer_facts(column)
            return facts, field.encode(column, facts).tolist(), field.encode(column[[0]], facts).tolist()
        except ProblemError as error:
            return [(item.code, item.title, item.row) for item in error.problems]

    plain = TextColumn.of(texts)
    np.testing.assert_equal(read(plain), read(Slow.of(texts)))


@pytest.mark.parametrize("kind", ["number", "category", "id", "datetime"])
@pytest.mark.parametrize("text", ["7", "-999"])
def test_marks_for_what_is_empty_are_never_unused(kind, text):
    """An empty value is missing in any case: that none occurs is no mistake of the list."""
    text = text if kind != "datetime" else "2024-01-01"
    facts, _ = read([text, "2024-01-02" if kind == "datetime" else "8"], type=kind, missing=["", "-999"])
    assert facts.extra.get("unused_marks", []) == ([] if text == "-999" else ['"-999"'])


def test_texts_beside_lists_are_separated_as_any_other():
    made = field(type="labels")
    assert made.infer_facts([["a", "b"], "a|b", ["b"]]).classes == ("a", "b")


def test_shares_of_labels_are_no_names():
    with pytest.raises(ProblemError) as caught:
        field(type="labels").infer_facts([[0.5, 1.0], [0.0, 1.0]])
    assert caught.value.problem.code == "DAT301"


def test_half_a_character_is_no_name():
    with pytest.raises(ProblemError) as caught:
        field(type="category").infer_facts(["\ud800", "a"])
    assert caught.value.problem.code == "DAT311"


@pytest.mark.parametrize(
    ("values", "marks"),
    [
        (np.array([-99.9, 1.5, 2.0], np.float32), [-99.9]),
        (np.array([-999, 1, 2]), [-999, -99.9, "2", "NA"]),
        (["-999.0", "1.5", "NA ", None], [-999, "NA"]),
        (["-999.0", "-9.99e2", "3"], ["-999"]),
        (["n/a", "3"], ["n/a"]),
    ],
)
def test_written_code_has_the_gaps_of_the_field(values, marks):
    """What `dcl compile` writes compares marks in the type of an array, and as numbers with texts."""
    made = field(type="number", missing=marks)
    array = isinstance(values, np.ndarray)
    column = values if array else TextColumn.of(values)
    facts = made.infer_facts(column)
    raw = raw_column("raw", "array" if array else "texts", column, made, facts, np.arange(len(values)))
    names = {"np": np, "raw": values}
    code = made.code("x", facts, raw)
    exec("\n".join(code.lines), names)
    np.testing.assert_array_equal(eval(code.expression, names), read(column, type="number", missing=marks)[1])


def test_a_number_without_a_name_is_the_label_that_is_refused():
    """Names stand for 0, 1, 2; of -1, 0, 1, 2 only -1 has none."""
    made = field(type="category", classes=["cat", "dog", "fox"])
    values = np.array([0, 1, -1, 2])
    with pytest.raises(ProblemError) as caught:
        made.encode(values, made.infer_facts(values))
    assert caught.value.problem.title.startswith("label `-1` ")
