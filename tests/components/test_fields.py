"""Fields read raw values into arrays, and say what they know."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from declare.contract.problem import ProblemError
from declare.parsing import parser


def field(**block):
    return parser.parse("fields", block)


def encoded(values, **block):
    made = field(**block)
    facts = made.infer_facts(values)
    return made.encode(values, facts).tolist(), facts


def code_of(call):
    with pytest.raises(ProblemError) as caught:
        call()
    return caught.value.problem.code


@pytest.mark.parametrize(
    ("values", "missing", "classes", "indices"),
    [
        (["b", "a", "b"], [], ("a", "b"), [1, 0, 1]),
        ([10, 2, 7], [], ("2", "7", "10"), [2, 0, 1]),
        (np.array([0.0, 1.0, np.nan]), [], ("0", "1"), [0, 1, -1]),
        ([1, -1, 3], [-1], ("1", "3"), [0, -1, 1]),
        (["n/a", "yes", None], ["n/a"], ("yes",), [-1, 0, -1]),
        ([True, False], [], ("false", "true"), [1, 0]),
        (["10", "9", "x"], [], ("9", "10", "x"), [1, 0, 2]),
    ],
)
def test_categories_are_indexed_in_natural_order(values, missing, classes, indices):
    """Names are sorted, gaps in numbers closed, missing ones -1."""
    found, facts = encoded(values, type="category", missing=missing)
    assert (facts.classes, found) == (classes, indices)
    assert facts.num_missing == found.count(-1)


@pytest.mark.parametrize(
    ("values", "block"),
    [
        (["b", "a", "b"], {"type": "category"}),
        ([2, 0, 2], {"type": "category"}),
        ([1.5, 2.5, -1.0], {"type": "number"}),
        ([1, 2, 7], {"type": "number"}),
        (["s1", "s2", "s1"], {"type": "id"}),
        (["2020-01-31", "2020-02-01", "2021-01-01"], {"type": "datetime"}),
    ],
)
def test_a_column_of_one_is_the_column(values, block):
    """Arrays [rows, 1] are read as [rows]."""
    column = np.array(values)
    (found, facts), (expected, known) = encoded(column[:, None], **block), encoded(column, **block)
    assert (found, facts) == (expected, known)


def test_a_label_outside_stated_classes_is_refused():
    """Stated names are the classes; another label is DAT301."""
    made = field(type="category", classes=["a", "b"])
    assert code_of(lambda: made.encode(["a", "c"], made.infer_facts(["a", "c"]))) == "DAT301"


def test_numbers_take_texts_and_gaps():
    """Texts are read as numbers; what is listed as missing is NaN."""
    found, facts = encoded(["1.5", "NA", "", None, "-2"], type="number", missing=["NA"])
    np.testing.assert_equal(found, [1.5, np.nan, np.nan, np.nan, -2.0])
    assert (facts.num_missing, facts.minimum, facts.maximum) == (3, -2.0, 1.5)


def test_a_word_is_no_number():
    """A text among numbers is named with its row."""
    with pytest.raises(ProblemError, match="`two`") as caught:
        field(type="number").infer_facts(["1", "two"])
    assert (caught.value.problem.code, caught.value.problem.row) == ("DAT318", 1)


def test_numeric_marks_are_missing():
    """A number listed as missing becomes NaN."""
    found, _ = encoded(np.array([1, -99, 3]), type="number", missing=[-99])
    np.testing.assert_equal(found, [1, np.nan, 3])


def test_series_of_many_lengths_are_padded():
    """A size that varies is None in the shape, and padded with NaN, which transforms leave out."""
    made = field(type="series")
    values = [np.ones((2, 3)), np.ones((2, 5))]
    facts = made.infer_facts(values)
    assert facts.shape.dims == (2, None)
    encoded = made.encode(values, facts)
    assert np.isnan(encoded).sum(axis=(1, 2)).tolist() == [4, 0]
    assert np.nansum(encoded, axis=(1, 2)).tolist() == [6, 10]


def test_stated_sizes_are_checked():
    """Four channels stated and two found is DAT334 at `channels`."""
    made = field(type="series", channels=4)
    [problem] = made.compare(made.infer_facts([np.ones((2, 3))]))
    assert (problem.code, problem.at) == ("DAT334", "channels")


def test_samples_with_other_axes_are_refused():
    """An image is no series; a flat sample is one of one channel, and an empty one is none."""
    assert code_of(lambda: field(type="series").infer_facts([np.ones((2, 3, 4))])) == "DAT319"
    assert field(type="series").infer_facts([np.ones(3), [1.0, 2.0]]).shape.dims == (1, None)
    for empty in ([], [[], []]):
        assert (
            code_of(lambda empty=empty: field(type="series").infer_facts([[[1.0], [2.0]], empty])) == "DAT319"
        )


@pytest.mark.parametrize("values", [np.eye(4), [[0, 1, 0, 1], [1, 0, 0, 0]]])
def test_rows_are_as_wide_as_the_classes_that_are_stated(values):
    """Other names than columns are refused, so that no target is wider than what predicts it."""
    four = ["a", "b", "c", "d"]
    assert code_of(lambda: encoded(values, type="labels", classes=["a", "b"])) == "LOS401"
    assert field(type="labels", classes=four).infer_facts(values).shape.dims == (4,)


@pytest.mark.parametrize(
    ("values", "names"),
    [(["a|b", "b", "|"], [[1, 1], [0, 1], [0, 0]]), ([["a"], ["b", "a"], []], [[1, 0], [1, 1], [0, 0]])],
)
def test_labels_are_rows_of_zero_and_one(values, names):
    """Names, separated or listed, become rows of 0 and 1."""
    found, _ = encoded(values, type="labels")
    assert found == names


def png(mode, size=(4, 6), **options):
    buffer = io.BytesIO()
    Image.new(mode, size, 200 if mode in {"L", "I;16"} else None).save(buffer, "png", **options)
    return buffer.getvalue()


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("RGB", 3), ("RGBA", 3), ("P", 3), ("I;16", 1)])
def test_images_of_any_mode_are_bytes_channels_first(mode, channels):
    """Grey has one channel, all else three; 16 bits and palettes are converted."""
    made = field(type="image")
    values = [png(mode)]
    facts = made.infer_facts(values)
    found = made.encode(values, facts)
    assert (found.shape, found.dtype) == ((1, channels, 6, 4), np.uint8)


def test_images_turn_by_their_exif_tag():
    """An image that says it lies on its side is turned."""
    exif = Image.Exif()
    exif[0x0112] = 6
    made = field(type="image")
    assert made.infer_facts([png("RGB", exif=exif)]).shape.dims == (3, 4, 6)


def test_images_are_resized_to_the_stated_size():
    """`size` decides, and channels are converted."""
    made = field(type="image", size=8, channels=1)
    found = made.encode([png("RGB"), png("L", (9, 9))], made.infer_facts([png("RGB")]))
    assert found.shape == (2, 1, 8, 8)


@pytest.mark.parametrize("content", [b"", b"no image", png("RGB")[:40]])
def test_broken_images_are_refused(content):
    """What cannot be decoded is DAT311."""
    assert (
        code_of(lambda: field(type="image").encode([content], field(type="image").infer_facts([png("L")])))
        == "DAT311"
    )


def test_huge_images_are_refused_from_their_header():
    """An image of too many pixels is not decoded."""
    Image.MAX_IMAGE_PIXELS = None
    header = bytearray(png("L"))
    header[16:24] = (50_000).to_bytes(4, "big") * 2
    header[29:33] = __import__("zlib").crc32(bytes(header[12:29])).to_bytes(4, "big")
    with pytest.raises(ProblemError) as caught:
        field(type="image").infer_facts([bytes(header)])
    assert "50000 x 50000" in " ".join(caught.value.problem.notes)


def test_masks_leave_out_marked_pixels():
    """A value listed as missing is -1."""
    values = np.array([[[0, 1], [255, 1]]], np.uint8)
    found, facts = encoded(values, type="mask", missing=[255])
    assert found == [[[0, 1], [-1, 1]]]
    assert facts.classes == ("0", "1")


def test_names_may_stand_for_numbers_from_zero():
    """Stated names of labels 0, 1, 2 are their classes in that order."""
    made = field(type="category", classes=["cat", "dog", "cow"])
    facts = made.infer_facts([2, 0, 1])
    assert facts.classes == ("cat", "dog", "cow")
    assert made.encode([2, 0, 1, None], facts).tolist() == [2, 0, 1, -1]


@pytest.mark.parametrize(
    ("labels", "classes", "codes"),
    [
        ([-1, 0, 1, 2], 3, ["DAT301"]),
        ([0, 1, 2, 255], 3, ["DAT301"]),
        ([0, 1, 2, 3], 3, []),
        ([0, 1], 3, []),
    ],
)
def test_a_stated_number_of_classes_is_an_assertion(labels, classes, codes):
    """Strays such as -1 and 255 are out of range; another count of classes is left to the rule."""
    made = field(type="category", classes=classes)
    assert [problem.code for problem in made.compare(made.infer_facts(labels))] == codes


def test_a_class_for_each_sample_is_no_category():
    """Measurements and names of samples are refused as classes; a few samples of many classes are not."""
    with pytest.raises(ProblemError, match="30 classes in 40 samples"):
        field(type="category").infer_facts([number % 30 / 7 for number in range(40)])
    assert field(type="category").infer_facts(list(range(15))).unique == 15


@pytest.mark.parametrize("kind", ["category", "number", "id"])
def test_several_values_are_not_one(kind):
    """A list where one value is due is named with its row."""
    with pytest.raises(ProblemError) as caught:
        field(type=kind).infer_facts([1, [2, 3]])
    assert caught.value.problem.row == 1


def test_complex_numbers_and_texts_are_no_features():
    """Nothing is made a real number silently."""
    for values in (np.zeros((3, 2), complex), [["1", "2"]]):
        with pytest.raises(ProblemError, match="not real numbers"):
            field(type="vector").infer_facts(values)


GAP = "a sample has no value"


@pytest.mark.parametrize(
    ("rows", "kind", "title"),
    [
        ([[1.0, 2.0], None], "vector", GAP),
        ([[1.0, 2.0], float("nan")], "vector", GAP),
        ([[1.0, 2.0], "NA"], "vector", GAP),
        ([[1.0, 2.0], None], "series", GAP),
        ([[[1.0, 2.0]], None], "series", GAP),
        ([np.ones(2), None], "counts", GAP),
        ([[True, False], None], "valid", GAP),
        ([[1.0, 2.0], []], "vector", "a sample is empty"),
        ([np.ones(2), np.ones(0)], "series", "a sample is empty"),
        ([[1.0, 2.0], 3.0], "vector", "a sample has 0 axes, but a vector has 1"),
    ],
)
def test_what_a_list_lacks_is_said(rows, kind, title):
    """A gap is no value, an empty list is empty, and a list of gaps has its size."""
    marks = {} if kind == "valid" else {"missing": ["NA"]}
    with pytest.raises(ProblemError) as caught:
        field(type=kind, **marks).infer_facts(rows)
    assert (caught.value.problem.title, caught.value.problem.row) == (title, 1)
    if kind in {"vector", "counts"}:
        assert field(type=kind).infer_facts([[1.0, 2.0], [None, None]]).num_missing == 1


@given(st.lists(st.one_of(st.integers(-3, 30), st.none(), st.sampled_from([-1, 7])), min_size=1, max_size=60))
def test_classes_of_numbers_are_in_order_and_their_codes_lead_back(labels):
    """Codes of whole numbers rise with the numbers, and the class name of a code is the number."""
    made = field(type="category", missing=[-1])
    facts = made.infer_facts(labels)
    codes = made.encode(labels, facts)
    known = [(label, code) for label, code in zip(labels, codes.tolist(), strict=True) if code >= 0]
    assert all(facts.classes[code] == str(label) for label, code in known)
    assert [code for _, code in sorted(known)] == sorted(code for _, code in known)
    assert sum(label in {None, -1} for label in labels) == facts.num_missing == int((codes == -1).sum())


def wide():
    """An image of 4 x 8 pixels: black, white in the middle half."""
    return Image.fromarray(np.repeat([[0] * 2 + [255] * 4 + [0] * 2], 4, axis=0).astype(np.uint8))


def test_images_get_the_stated_size_stretched_or_cut():
    """`stretch` keeps the dark edges of a wide image, `crop` cuts them off."""
    for fit, low, high in (("stretch", 0, 60), ("crop", 255, 255)):
        made = field(type="image", size=4, fit=fit)
        found = made.encode([wide()], made.infer_facts([wide()]))
        assert found.shape == (1, 1, 4, 4)
        assert low <= found[0, 0, :, 0].min() <= found[0, 0, :, 0].max() <= high


def test_images_of_several_sizes_need_a_size():
    """Without `size` nothing is stretched: the finding names the sample that differs."""
    square = Image.new("L", (4, 4))
    made = field(type="image")
    facts = made.infer_facts([square, square])
    known = "has 4 x 8 pixels, but the model takes 4 x 4"
    for call, title in (
        (lambda: made.infer_facts([square, wide()]), "4 x 4 and 4 x 8"),
        (lambda: made.encode([square, wide()], facts), known),
    ):
        with pytest.raises(ProblemError, match=title) as caught:
            call()
        assert (caught.value.problem.code, caught.value.problem.row) == ("DAT349", 1)
    with pytest.raises(ProblemError, match=known):
        made.encode(np.zeros((3, 4, 8), np.uint8), facts)


def test_masks_are_fitted_like_their_images():
    """A mask is cut and resized to the nearest class: no class is made up between two."""
    made = field(type="mask", size=4, fit="crop")
    facts = made.infer_facts([wide()])
    assert set(np.unique(made.decode(made.encode([wide()], facts), facts))) == {255}


def test_numbers_too_large_for_single_precision_are_numbers():
    """What float32 cannot hold is finite in double precision, in which transforms are computed."""
    facts = parser.parse("fields", {"type": "number"}).infer_facts([1.0, 1e39])
    assert (facts.num_nonfinite, facts.maximum) == (0, 1e39)


@pytest.mark.parametrize(
    ("block", "code"),
    [
        ({"type": "image", "key": "a", "column": "b"}, "SCH113"),
        ({"type": "number", "key": "a", "column": "b"}, "SCH113"),
        ({"type": "number", "decimal": ",", "thousands": ","}, "SCH113"),
        ({"type": "category", "classes": ["1", 1]}, "DAT388"),
        ({"type": "labels", "classes": [True, "true"]}, "DAT388"),
        ({"type": "image", "missing": [0]}, "DAT389"),
        ({"type": "mask", "missing": ["255"]}, "DAT389"),
    ],
)
def test_parameters_that_no_data_can_meet(block, code):
    """Two places for one field, classes stated twice and marks without effect are refused before data are read."""
    _, problems = parser.read("fields", block)
    assert [problem.code for problem in problems] == [code]


def test_images_have_no_two_channels():
    """Two channels are those of arrays; image files cannot be converted to them."""
    with pytest.raises(ProblemError) as caught:
        field(type="image", channels=2).infer_facts([Image.new("L", (2, 2))])
    assert (caught.value.problem.code, caught.value.problem.at) == ("SCH108", "channels")
    assert field(type="image", channels=2).infer_facts(np.zeros((3, 2, 8, 8), np.uint8)).shape.dims == (
        2,
        8,
        8,
    )


def test_numbers_are_no_images():
    """A column of numbers read as images is DAT319 at its row."""
    with pytest.raises(ProblemError) as caught:
        field(type="image").infer_facts([1.5, 2.5])
    assert (caught.value.problem.code, caught.value.problem.row) == ("DAT319", 0)


@pytest.mark.parametrize("size", [[], [0], [4, -1], [1, 2, 3]])
@pytest.mark.parametrize("kind", ["image", "mask", "video"])
def test_a_size_is_one_or_two_positive_numbers(kind, size):
    """An empty list, and one of too many or of no pixels, is a finding at `size`."""
    _, problems = parser.read("fields", {"type": kind, "size": size})
    assert [(item.code, item.at) for item in problems] == [("SCH108", "size")]
