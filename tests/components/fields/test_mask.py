"""Masks: the values that occur are the classes; what is void is no class; predictions are in the masks' own values."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from declare.contract.problem import ProblemError
from declare.parsing import parser


def field(**block):
    return parser.parse("fields", {"type": "mask"} | block)


def code_of(call):
    with pytest.raises(ProblemError) as caught:
        call()
    assert len(caught.value.problem.title) <= 80
    return caught.value.problem.code


def read(values, **block):
    """Return classes and encoded masks."""
    made = field(**block)
    facts = made.infer_facts(values)
    return facts.classes, made.encode(values, facts)[:, 0].tolist()


def file(values, mode=None, kind="PNG", **options):
    """Return a mask of five equal rows as the bytes of a file."""
    image = values if isinstance(values, Image.Image) else Image.fromarray(np.array([values] * 5))
    buffer = io.BytesIO()
    (image.convert(mode) if mode else image).save(buffer, kind, **options)
    return buffer.getvalue()


def palette(indices, colours):
    """Return an image of equal rows with a palette."""
    found = Image.frombytes("P", (len(indices), 5), bytes(indices * 5))
    found.putpalette([value for colour in colours for value in colour])
    return found


RED, BLUE, BLACK = (255, 0, 0), (0, 0, 255), (0, 0, 0)
U1 = np.uint8
EACH_KIND = {
    "0 and 255": ([U1([0, 255, 0])], ("0", "255"), [0, 1, 0]),
    "gaps": ([U1([3, 7, 9])], ("3", "7", "9"), [0, 1, 2]),
    "bits": ([np.array([True, False, True])], ("0", "1"), [1, 0, 1]),
    "int64": ([np.array([-1, 5, 2])], ("2", "5"), [-1, 1, 0]),
    "big end first": ([np.array([300, 0, 300], ">u2")], ("0", "300"), [1, 0, 1]),
    "floats with gaps": ([np.array([0.0, np.nan, 2.0])], ("0", "2"), [0, -1, 1]),
}


@pytest.mark.parametrize("name", EACH_KIND)
def test_the_values_that_occur_are_the_classes(name):
    """Arrays of any type: distinct values in their order, nothing in between; a channel axis of one is none."""
    rows, classes, indices = EACH_KIND[name]
    table = np.tile(np.stack(rows)[:, None], (1, 5, 3))
    for values in (table, list(table), table[:, None], table[..., None], [item.tolist() for item in table]):
        assert read(values) == (classes, [indices * 3])


FILES = {
    "png of bytes": (file(U1([0, 255, 0])), ("0", "255"), [0, 1, 0]),
    "png of 1 bit": (file(U1([0, 255, 0]), "1"), ("0", "1"), [0, 1, 0]),
    "png of 16 bits": (file(np.array([0, 1, 40000], np.uint16)), ("0", "1", "40000"), [0, 1, 2]),
    "tiff of floats": (file(np.array([0, 1, 2], np.float32), kind="TIFF"), ("0", "1", "2"), [0, 1, 2]),
    "tiff of int32": (file(np.array([-1, 1, 90000], np.int32), kind="TIFF"), ("1", "90000"), [-1, 0, 1]),
    "palette": (file(palette([2, 0, 2], [BLACK, RED, BLUE])), ("0", "2"), [1, 0, 1]),
    "colours": (file(U1([RED, BLACK, BLUE])), ("#000000", "#0000ff", "#ff0000"), [2, 0, 1]),
    "opaque colours": (file(U1([RED, BLACK, RED]), "RGBA"), ("#000000", "#ff0000"), [1, 0, 1]),
    "clear": (file(U1([(*RED, 255), (0, 0, 0, 0)])), ("#00000000", "#ff0000"), [1, 0]),
    "grey and opaque": (file(U1([0, 9]), "LA"), ("0", "9"), [0, 1]),
    "gif": (file(palette([1, 0, 1], [RED, BLUE]), kind="GIF"), ("0", "1"), [1, 0, 1]),
    "bmp": (file(U1([0, 255, 0]), kind="BMP"), ("0", "255"), [0, 1, 0]),
}


@pytest.mark.parametrize("name", FILES)
def test_files_of_each_mode_keep_their_values(name):
    """Bits, bytes, words, palettes and colours are classes as they stand; colours are never taken to grey."""
    content, classes, indices = FILES[name]
    assert read([content]) == (classes, [indices])
    made = field()
    facts = made.infer_facts([content])
    back = made.decode(np.maximum(made.encode([content], facts), 0), facts)
    assert read(list(back)) == (
        classes,
        [np.maximum(indices, 0).tolist()],
    )  # what is written is read again as the same classes


def test_arrays_in_colours_have_a_class_for_each_colour():
    """[H, W, 3] and [3, H, W] alike."""
    colours = np.repeat(U1([[[RED, BLACK, BLUE, RED, RED]]]), 5, axis=1)
    expected = (("#000000", "#0000ff", "#ff0000"), [[2, 0, 1, 2, 2]])
    assert read(colours) == expected
    assert read(np.moveaxis(colours, -1, 1)) == expected


@pytest.mark.parametrize(
    ("block", "values", "classes", "indices"),
    [
        ({"void": 255}, [0, 1, 255], ("0", "1"), [0, 1, -1]),
        ({"void": [0, 255]}, [0, 1, 2, 255], ("1", "2"), [-1, 0, 1, -1]),
        ({"missing": [255]}, [0, 1, 255], ("0", "1"), [0, 1, -1]),
        ({"classes": 3}, [0, 2], ("0", "1", "2"), [0, 2]),
        ({"classes": 2}, [0, 255], ("0", "255"), [0, 1]),
        ({"classes": ["a", "b"]}, [0, 255], ("a", "b"), [0, 1]),
        ({"classes": ["a", "b", "c"]}, [0, 2], ("a", "b", "c"), [0, 2]),
        ({"classes": {"cell": 255, "none": 0}}, [0, 255], ("cell", "none"), [1, 0]),
        ({"classes": {"a": [0, 1], "b": 7}, "void": 9}, [0, 1, 7, 9], ("a", "b"), [0, 0, 1, -1]),
    ],
)
def test_classes_and_void_as_stated(block, values, classes, indices):
    """Numbers and names in order, names by value, and values that are left out."""
    assert read(U1([[values]]), **block) == (classes, [indices])


def test_colours_as_stated():
    """Colours name classes and void; palettes are then read as their colours, whatever their indices are."""
    block = {"classes": {"car": "#ff0000", "road": "#0000ff"}, "void": "#000000"}
    one, other = palette([0, 1, 2], [BLACK, RED, BLUE]), palette([2, 1, 0], [BLUE, RED, BLACK])
    for image in (one, other, file(U1([BLACK, RED, BLUE]))):
        assert read([image], **block) == (("car", "road"), [[-1, 0, 1]])
    assert code_of(lambda: field().infer_facts([one, other])) == "DAT396"
    made = field()
    assert code_of(lambda: made.encode([other], made.infer_facts([one]))) == "DAT396"


UNCLEAR = {
    "255 beside indices": (U1([[[0, 1, 2, 255]]]), {}, "DAT395"),
    "-100 beside indices": (np.array([[[0, 1, -100]]]), {}, "DAT395"),
    "soft edges": (U1([[list(range(0, 250, 7))]]), {}, "DAT394"),
    "jpeg": ([file(Image.fromarray(np.tile(U1([0] * 5 + [255] * 6), (16, 1))), kind="JPEG")], {}, "DAT394"),
    "numbers that are not whole": (np.array([[[0.0, 0.5]]]), {}, "DAT394"),
    "numbers and colours": ([file(U1([0, 1])), file(U1([RED, BLUE]))], {}, "DAT394"),
    "names of colours in a list": ([file(U1([RED, BLUE]))], {"classes": ["a", "b"]}, "DAT394"),
    "a value that is no class": (U1([[[0, 1, 2]]]), {"classes": {"a": 0, "b": 1}}, "DAT301"),
    "nothing labelled": (U1([[[0, 0]]]), {"void": 0}, "DAT315"),
    "one-hot": (np.zeros((1, 4, 4, 7), U1), {"layout": "HWC"}, "DAT319"),
    "several frames": ([file(Image.new("L", (2, 2), 1), kind="GIF", save_all=True, append_images=[Image.new("L", (2, 2))])],
                       {}, "DAT392"),
}  # fmt: skip


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("axis", [1, -1])
@pytest.mark.parametrize("dtype", [bool, U1, np.int64])
def test_one_hot_masks_are_no_colours(channels, axis, dtype):
    """A single 1 in each pixel, else 0, is refused with the remedy; colours of few values are not."""
    classes = np.arange(60).reshape(2, 6, 5) % channels
    values = np.moveaxis(np.eye(channels, dtype=dtype)[classes], -1, axis)
    for given in (values, list(values)):
        with pytest.raises(ProblemError) as caught:
            field().infer_facts(given)
        assert caught.value.problem.code == "DAT394"
        assert len(caught.value.problem.title) <= 80
        assert f"argmax(axis={-3 if axis == 1 else -1})" in caught.value.problem.helps[0]
    values = values.astype(U1)
    values[0, 0, 0] = 1
    assert field().infer_facts(values).unique > 1


@pytest.mark.parametrize("name", UNCLEAR)
def test_values_that_may_be_no_classes_are_a_question(name):
    """What mostly means nothing, soft edges, lossy files and two kinds of masks are refused with a remedy."""
    values, block, code = UNCLEAR[name]
    assert code_of(lambda: field(**block).infer_facts(values)) == code


LOW, HIGH, WORDS = [0, 1, 0], [0, 255, 0], [0, 65535, 0]
SCALES = {
    "files of 1 bit beside bytes": [file(U1(HIGH), "1"), file(U1(HIGH))],
    "bytes": [file(U1(LOW)), file(U1(HIGH))],
    "bytes beside words": [file(U1(HIGH)), file(np.array(WORDS, np.uint16))],
    "all three": [file(U1(LOW)), file(U1(HIGH)), file(np.array(WORDS, np.uint16))],
    "a palette beside bytes": [file(palette(LOW, [BLACK, RED])), file(U1(HIGH))],
    "one table": U1([[LOW] * 3, [HIGH] * 3]),
    "arrays": [U1([LOW]), U1([HIGH])],
}


@pytest.mark.parametrize("block", [{}, {"classes": 2}, {"classes": ["none", "cell"]}])
@pytest.mark.parametrize("name", SCALES)
def test_one_class_on_several_scales_is_named_as_such(name, block):
    """Where each mask holds one white of several, the finding says so; its remedy makes one class of them."""
    values = SCALES[name]
    with pytest.raises(ProblemError) as caught:
        field(**block).infer_facts(values)
    problem = caught.value.problem
    assert (problem.code, problem.label) == ("DAT394", "one class with two values?")
    merged = field(classes=problem.rewrites[0].value)
    assert np.array_equal(*(merged.encode(values[i : i + 1], merged.infer_facts(values)) for i in (0, 1)))


def test_one_scale_of_the_masks_looked_at_is_named_to_later_ones():
    """A later mask with another white is refused with that remedy; one mask with both asks about 255."""
    made = field()
    with pytest.raises(ProblemError) as caught:
        made.encode(U1([[HIGH]]), made.infer_facts(U1([[LOW]])))
    assert "object: [1, 255]" in caught.value.problem.helps[0]
    assert code_of(lambda: field().infer_facts([U1([LOW]), U1([[0, 1, 255]])])) == "DAT395"


@pytest.mark.parametrize(
    ("kind", "options", "lossy"),
    [
        ("JPEG", {}, True),
        ("WEBP", {}, True),
        ("WEBP", {"lossless": True}, False),
        ("JPEG2000", {"irreversible": True}, True),
        ("JPEG2000", {}, False),
        ("TIFF", {"compression": "jpeg"}, True),
        ("TIFF", {"compression": "tiff_lzw"}, False),
    ],
)
@pytest.mark.parametrize("on_disk", [False, True])
def test_lossy_files_hold_no_masks_of_several_classes(kind, options, lossy, on_disk, tmp_path):
    """Whatever classes are stated, and of later masks too: a value between two classes may be a third."""
    whole = np.repeat(U1([0, 60, 120, 180, 180, 60, 0, 120]), 32).reshape(16, 16)
    content = file(Image.fromarray(whole), "RGB" if kind == "WEBP" else None, kind, **options)
    if on_disk:
        (tmp_path / "mask.bin").write_bytes(content)
        content = tmp_path / "mask.bin"
    exact = file(Image.fromarray(whole), "RGB" if kind == "WEBP" else None)
    made = field()
    facts = made.infer_facts([exact])
    if not lossy:
        assert np.array_equal(made.encode([content], facts), made.encode([exact], facts))
        return
    assert code_of(lambda: made.encode([content], facts)) == "DAT394"
    for block in ({}, {"classes": 4}, {"classes": {"a": 0, "b": 60, "c": 120, "d": 180}}):
        assert code_of(lambda block=block: field(**block).infer_facts([content])) in {"DAT394", "DAT301"}


def test_a_value_of_later_masks_that_is_no_class_is_refused():
    """A value that no mask looked at had is DAT301 with its sample."""
    made = field()
    facts = made.infer_facts(U1([[[0, 1]]]))
    with pytest.raises(ProblemError) as caught:
        made.encode(U1([[[0, 1]], [[0, 7]]]), facts)
    assert (caught.value.problem.code, caught.value.problem.row) == ("DAT301", 1)


@pytest.mark.parametrize(
    "block",
    [
        {"void": "red"},
        {"classes": {"a": "#12"}},
        {"classes": {"a": 1, "b": 1}},
        {"classes": {"a": 1}, "void": 1},
        {"classes": 0},
        {"classes": 2**63},
    ],
)
def test_values_that_are_none_or_stand_twice(block):
    """A word that is no colour, a value of two classes, and an odd number of classes are refused before data are read."""
    _, problems = parser.read("fields", {"type": "mask"} | block)
    assert [problem.code for problem in problems] == ["SCH108"]


def test_resizing_makes_no_values():
    """Large numbers and colours are resized to the nearest one."""
    table = np.array([[[0, 90000], [5, 0]]])
    made = field(size=8)
    facts = made.infer_facts(table)
    assert facts.values == (0, 5, 90000)
    assert made.decode(made.encode(table, facts), facts)[0, ::4, ::4].tolist() == table[0].tolist()
    assert set(read([file(U1([RED, BLUE]))], size=[1, 7])[0]) == {"#0000ff", "#ff0000"}


def test_predictions_are_bytes_or_colours_again():
    """Whole numbers in the smallest type that holds them; colours as they were."""
    for values, dtype in (
        (U1([[[0, 255]]]), np.uint8),
        (np.array([[[0, 300]]]), np.uint16),
        (U1([[[RED, BLUE] * 3] * 5]), np.uint8),
    ):
        made = field()
        facts = made.infer_facts(values)
        back = made.decode(made.encode(values, facts), facts)
        assert back.dtype == dtype
        assert np.array_equal(back, values)


def test_clear_pixels_have_no_colour_and_indices_may_share_one():
    """What is transparent is one value, whatever colour it hides; two indices of one colour stay two."""
    clear = file(U1([(*RED, 0), (*BLUE, 0), (*RED, 255)]))
    assert read([clear]) == (("#00000000", "#ff0000"), [[0, 0, 1]])
    twins = palette([0, 1, 2], [RED, RED, BLUE])
    assert read([twins]) == (("0", "1", "2"), [[0, 1, 2]])


def test_values_before_names_are_turned_round():
    """`{0: background, 255: cell}` is refused with the edit that puts the names first."""
    _, [problem] = parser.read("fields", {"type": "mask", "classes": {"0": "background", "255": "cell"}})
    assert problem.code == "SCH108"
    assert [(item.path, item.value) for item in problem.rewrites] == [
        ("classes", {"background": 0, "cell": 255})
    ]


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4"])
def test_the_largest_value_of_a_type_is_a_class_like_others(dtype):
    """Nothing wraps round at the end of a type."""
    most = min(np.iinfo(dtype).max, 2**31 - 1)
    values = np.array([[[most, 0, most]]], dtype)
    assert read(values) == (("0", str(most)), [[1, 0, 1]])
    assert code_of(lambda: field().encode(values - 1, field().infer_facts(values))) == "DAT301"


def packed(bits, rows):
    """Return a grey PNG of few bits, whose rows are these bytes."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    size = struct.pack(">IIBBBBB", 8 // bits * len(rows[0]), len(rows), bits, 0, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + pixels + chunk(b"IEND", b"")


STORED = {
    "png of 4 bits": (packed(4, [b"\x01\x2f"]), ("0", "1", "2"), [0, 1, 2, -1]),
    "png of 2 bits": (packed(2, [b"\x1b"]), ("0", "1", "2", "3"), [0, 1, 2, 3]),
    "pgm": (b"P5\n4 1\n15\n\0\1\2\x0f", ("0", "1", "2"), [0, 1, 2, -1]),
    "pgm of two bytes": (
        b"P5\n4 1\n1000\n" + struct.pack(">4H", 0, 1, 2, 15),
        ("0", "1", "2"),
        [0, 1, 2, -1],
    ),
    "pgm as text": (b"P2\n4 1\n15\n0 1 2 15", ("0", "1", "2"), [0, 1, 2, -1]),
    "white is zero": (
        file(Image.fromarray(U1([[255, 254, 253, 240]])), kind="TIFF", tiffinfo={262: 0}),
        ("0", "1", "2"),
        [0, 1, 2, -1],
    ),
}


@pytest.mark.parametrize("name", STORED)
def test_classes_are_the_numbers_of_the_file_whatever_their_depth(name):
    content, classes, codes = STORED[name]
    assert read([content], void=15) == (classes, [codes])


@pytest.mark.parametrize("compression", ["raw", "group4"])
def test_a_bit_that_is_1_for_black_is_asked_about(compression):
    """By number black is class 1, by sight white is."""
    image = Image.fromarray(U1([[0, 255]])).convert("1")
    turned = file(image, kind="TIFF", tiffinfo={262: 0}, compression=compression)
    for content in (turned, b"P1\n2 1\n1 0\n", b"P4\n2 1\n\x80"):
        assert code_of(lambda content=content: read([content])) == "DAT394"
        pixels = parser.parse("fields", {"type": "image"})
        assert pixels.encode([content], pixels.infer_facts([content])).ravel().tolist() == [0, 255]
    assert read([file(image, kind="TIFF", compression=compression)]) == (("0", "1"), [[0, 1]])


def test_colours_of_16_bits_are_refused_as_half_of_them_is_lost():
    wide = b"P6\n2 1\n1000\n" + struct.pack(">6H", 0, 1, 2, 3, 4, 5)
    assert code_of(lambda: read([wide])) == "DAT394"


def soft_disc(values, size=32):
    """Return an antialiased disc: `values` are those outside, at its edge (from outside to inside) and inside."""
    y, x = np.mgrid[:size, :size] - size / 2
    depth = (size / 3 - np.hypot(y, x)).clip(-0.5, len(values) - 1.5) + 0.5
    return np.uint8(values)[depth.astype(int)]


@pytest.mark.parametrize("values", [[0, 128, 255], [0, 90, 150, 170], [10, 40, 80]])
def test_values_at_edges_alone_are_a_question(values):
    """Blends of two classes are DAT394, unless the spec says what they are; the values of areas are none."""
    masks = [soft_disc(values), soft_disc(values, 40)[:32, :32]]
    assert code_of(lambda: field().infer_facts(masks)) == "DAT394"
    assert len(field(classes=len(values)).infer_facts(masks).classes) == len(values)
    assert field(void=values[1:-1]).infer_facts(masks).values == (values[0], values[-1])
    masks[0][:3, :3] = values[1]  # an area of its own
    others = [value for value in values[1:-1] if value != values[1]]
    assert values[1] in field(**({"void": others} if others else {})).infer_facts(masks).values


def test_a_class_between_two_others_is_one():
    """Numbers in a row, thin stripes, and lines on one class alone are classes."""
    stripes = np.tile(np.uint8([0, 100, 180]), (9, 3))
    lines = np.zeros((9, 9), np.uint8)
    lines[4], lines[6:] = 7, 0
    lines[:3, :3] = 9
    for mask in (soft_disc([0, 1, 2]), stripes, lines):
        assert len(field().infer_facts([mask]).values) == 3


def discs(*, inverted=0, crossing=0, number=20, void=None):
    """Return masks with an object of random place, of which some are inverted and some cross the edges."""
    made, random = [], np.random.default_rng(1)
    for place in range(number):
        mask = np.zeros((12, 12), np.uint8)
        row, column = (0, 0) if place >= number - crossing else random.integers(1, 6, 2)
        mask[row : row + 5, column : column + (12 if place >= number - crossing else 5)] = 255
        mask = 255 - mask if place < inverted else mask
        if void is not None:
            mask[3, 3] = void
        made.append(mask)
    return made


@pytest.mark.parametrize("block", [{}, {"void": 7}, {"classes": {"none": 0, "cell": 255}}])
@pytest.mark.parametrize(
    "read_as", [np.stack, list, lambda masks: [file(Image.fromarray(mask)) for mask in masks]]
)
def test_masks_of_which_some_are_inverted_are_counted(read_as, block):
    """A value that fills the edges and most of a mask surrounds the other; both must do so in some masks."""
    made = field(**block)

    def counted(**what):
        masks = discs(**what, void=7 if "void" in block else None)
        return made.infer_facts(read_as(masks)).extra.get("inverted")

    assert counted(inverted=5) == {"surrounds": {"0": 15, "255": 5}}
    assert counted(inverted=15) == {"surrounds": {"0": 5, "255": 15}}
    assert counted(inverted=10, crossing=2) == {"surrounds": {"0": 8, "255": 10}}
    assert counted() is counted(inverted=20) is counted(inverted=1) is counted(inverted=5, crossing=6) is None


def test_inverted_masks_of_several_classes_are_not_guessed(tmp_path):
    """Three values have no reverse; a file is named by its own name."""
    masks = discs(inverted=5)
    masks[0][4, 4] = 9
    assert "inverted" not in field(classes=3).infer_facts(masks).extra
    paths = [tmp_path / f"{place}.png" for place in range(20)]
    for path, mask in zip(paths, discs(inverted=3), strict=True):
        Image.fromarray(mask).save(path)
    assert field().infer_facts(paths).extra["inverted"] == {
        "surrounds": {"0": 17, "255": 3},
        "example": "0.png",
    }
