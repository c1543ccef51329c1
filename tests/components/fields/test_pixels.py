"""Pixels: depth, mode, type and stated range decide what black and white are, an image's content never does."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from declare.contract.problem import ProblemError
from declare.parsing import parser


def field(**block):
    return parser.parse("fields", {"type": "image"} | block)


def encoded(values, known=None, **block):
    """Return pixels of `values`, read by the facts of `known` (else their own)."""
    made = field(**block)
    return made.encode(values, made.infer_facts(values if known is None else known))


def code_of(values, known=None, **block):
    with pytest.raises(ProblemError) as caught:
        encoded(values, known, **block)
    found = caught.value.problem
    assert len(found.title) <= 80
    return found.code


def saved(image, kind, **options):
    """Return an image as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def grey(values, dtype=np.uint8):
    return Image.fromarray(np.array([values], dtype))


def pgm(values, maxval, kind=b"P5"):
    """Return a PGM (or, with P6, PPM) file of one row."""
    width = len(values) // (3 if kind in {b"P6", b"P3"} else 1)
    body = b" ".join(str(value).encode() for value in values)
    if kind in {b"P5", b"P6"}:
        body = struct.pack(f">{len(values)}{'B' if maxval < 256 else 'H'}", *values)
    return kind + f"\n{width} 1\n{maxval}\n".encode() + body


def tiff(values, bits, *, sample_format=1, photometric=1, order="<"):
    """Return a TIFF of one row of grey samples."""
    kinds = {8: "B", 16: "h" if sample_format == 2 else "H", 32: {1: "I", 2: "i", 3: "f"}[sample_format]}
    if bits == 12:
        packed = "".join(f"{value:012b}" for value in values)
        body = int(packed.ljust(-(-len(packed) // 8) * 8, "0"), 2).to_bytes(-(-len(packed) // 8), "big")
    else:
        body = struct.pack(f"{order}{len(values)}{kinds[bits]}", *values)
    entries = [
        *((256, 4, len(values)), (257, 4, 1), (258, 3, bits), (259, 3, 1), (262, 3, photometric)),
        *((273, 4, 8), (277, 3, 1), (278, 4, 1), (279, 4, len(body)), (339, 3, sample_format)),
    ]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8 + len(body))
    rows = b"".join(
        struct.pack(f"{order}HHI", tag, kind, 1)
        + (struct.pack(f"{order}HH", value, 0) if kind == 3 else struct.pack(f"{order}I", value))
        for tag, kind, value in entries
    )
    return head + body + struct.pack(f"{order}H", len(entries)) + rows + b"\0" * 4


def png(values, bits):
    """Return a grey PNG of one row at a depth that Pillow does not write."""
    import zlib

    packed = "".join(f"{value:0{bits}b}" for value in values)
    line = b"\0" + int(packed.ljust(-(-len(packed) // 8) * 8, "0"), 2).to_bytes(-(-len(packed) // 8), "big")

    def chunk(name, content):
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    head = struct.pack(">IIBBBBB", len(values), 1, bits, 0, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(line))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + data + chunk(b"IEND", b"")


DEPTHS = {
    "png 1 bit": (png([0, 1, 0], 1), [0, 255, 0]),
    "png 2 bits": (png([0, 1, 3], 2), [0, 85, 255]),
    "png 4 bits": (png([0, 1, 15], 4), [0, 17, 255]),
    "png 8 bits": (png([0, 1, 255], 8), [0, 1, 255]),
    "png 16 bits": (png([0, 511, 65535], 16), [0, 1, 255]),
    "pgm 4 bits": (pgm([0, 3, 15], 15), [0, 51, 255]),
    "pgm of maxval 200": (pgm([0, 100, 200], 200), [0, 128, 255]),
    "pgm 10 bits": (pgm([0, 512, 1023], 1023), [0, 128, 255]),
    "pgm 12 bits": (pgm([0, 16, 4095], 4095), [0, 1, 255]),
    "pgm 12 bits as text": (pgm([0, 16, 4095], 4095, b"P2"), [0, 1, 255]),
    "pgm 16 bits": (pgm([0, 511, 65535], 65535), [0, 1, 255]),
    "tiff 8 bits": (tiff([0, 1, 255], 8), [0, 1, 255]),
    "tiff 12 bits": (tiff([0, 31, 4095], 12), [0, 1, 255]),
    "tiff 16 bits": (tiff([0, 511, 65535], 16), [0, 1, 255]),
    "tiff 16 bits, big end first": (tiff([0, 511, 65535], 16, order=">"), [0, 1, 255]),
    "tiff 8 bits, white is 0": (tiff([0, 1, 255], 8, photometric=0), [255, 254, 0]),
    "tiff 16 bits, white is 0": (tiff([0, 257, 65535], 16, photometric=0), [255, 254, 0]),
    "tiff of floats": (tiff([0.0, 0.2, 1.0], 32, sample_format=3), [0, 51, 255]),
    "bmp": (saved(grey([0, 1, 255]), "BMP"), [0, 1, 255]),
    "gif": (saved(grey([0, 1, 255]), "GIF"), [0, 1, 255]),
    "webp": (saved(grey([0, 1, 255]), "WEBP", lossless=True), [0, 1, 255]),
    "jp2 16 bits": (saved(grey([0, 511, 65535] * 8, np.uint16), "JPEG2000"), [0, 1, 255] * 8),
    "ico": (saved(grey([7] * 16).resize((16, 16)), "ICO"), [7] * 16),
    "jpeg": (saved(grey([7] * 8), "JPEG"), [7] * 8),
}


@pytest.mark.parametrize("name", DEPTHS)
def test_each_format_has_the_scale_of_its_depth(name):
    """The file's values are brought to 0..255 by its depth, whatever Pillow calls its mode."""
    content, expected = DEPTHS[name]
    assert encoded([content], channels=1)[0, 0, 0].tolist() == expected


@pytest.mark.parametrize("name", DEPTHS)
def test_later_images_have_the_scale_of_their_own_depth(name):
    """One that was not looked at is brought to 0..255 by its own depth, or refused, never by that of the others."""
    content, expected = DEPTHS[name]
    bytes_only = saved(grey([0] * len(expected)).resize((len(expected), 16 if name == "ico" else 1)), "PNG")
    assert encoded([bytes_only, content], [bytes_only], channels=1)[1, 0, 0].tolist() == expected
    assert encoded([bytes_only, content], [content], channels=1)[0].max() == 0
    if len(expected) == 3 and "16" in name:
        assert code_of([bytes_only], [content], channels=1, range=[0, 4095]) == "DAT390"
    signed = tiff(expected, 16, sample_format=2)
    assert code_of([signed], [bytes_only], channels=1, size=[1, 3]) == "DAT390"


@pytest.mark.parametrize("name", [name for name in DEPTHS if "16" in name or "12" in name or "10" in name])
def test_dark_images_have_the_scale_of_bright_ones(name):
    """An image without a bright pixel is as dark beside a bright one as alone."""
    make = {
        "png": lambda: png([0, 255], 16),
        "pgm": lambda: pgm([0, 255], 65535),
        "tif": lambda: tiff([0, 255], 16),
    }
    dark = make.get(name[:3], make["png"])()
    assert encoded([dark], channels=1).max() == 0
    assert encoded([DEPTHS[name][0], saved(grey([0] * 3), "PNG")], channels=1, size=[1, 3])[1].max() == 0


@pytest.mark.parametrize(("sample_format", "values"), [(2, [0, 5, 4095]), (1, [0, 5, 70000])])
def test_depths_without_a_scale_need_a_range(sample_format, values):
    """Signed and 32-bit TIFF have no usual white: refused, or as `range` states."""
    content = tiff(values, 16 if sample_format == 2 else 32, sample_format=sample_format)
    assert code_of([content]) == "DAT390"
    found = encoded([content], range=[0, values[-1]])
    assert found[0, 0, 0].tolist() == [0, round(5 / values[-1] * 255), 255]
    assert code_of([content], range=[0, 4000]) == "DAT390"


def test_floats_of_a_file_outside_of_their_scale_are_refused():
    """A float TIFF of 0..255 is refused without `range` and read with it."""
    content = tiff([0.0, 10.0, 255.0], 32, sample_format=3)
    assert code_of([content]) == "DAT390"
    assert encoded([content], range=[0, 255])[0, 0, 0].tolist() == [0, 10, 255]


def test_a_range_beyond_the_depth_of_an_image_is_refused():
    """Images of 8 bits among those of 12 in 16 are not read on the other scale."""
    deep = saved(grey([0, 2048, 4095], np.uint16), "PNG")
    assert encoded([deep], range=[0, 4095])[0, 0, 0].tolist() == [0, 128, 255]
    assert code_of([deep, saved(grey([0, 1, 255]), "PNG")], range=[0, 4095]) == "DAT390"
    assert code_of([np.zeros((2, 2), np.uint8)], range=[0, 4095]) == "DAT390"


COLOUR = np.array([[[200, 100, 50], [0, 0, 0], [255, 255, 255]]], np.uint8)
RGB = Image.fromarray(COLOUR)


def in_lab():
    return ImageCms.profileToProfile(
        RGB, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )


MODES = {
    "RGB": (RGB, 0),
    "RGBA": (RGB.convert("RGBA"), 0),
    "RGBX": (RGB.convert("RGBX"), 0),
    "RGBa": (RGB.convert("RGBa"), 0),
    "P": (RGB.quantize(8), 2),
    "CMYK": (RGB.convert("CMYK"), 1),
    "YCbCr": (RGB.convert("YCbCr"), 2),
    "HSV": (RGB.convert("HSV"), 3),
    "LAB": (in_lab(), 4),
}


@pytest.mark.parametrize("mode", MODES)
def test_colours_of_each_mode_are_those_of_rgb(mode):
    """Every mode in colour gives the same red, green and blue, within its own rounding."""
    image, close = MODES[mode]
    assert image.mode == mode
    found = encoded([image])
    assert found.shape == (1, 3, 1, 3)
    assert np.abs(found[0].astype(int) - np.moveaxis(COLOUR, -1, 0)).max() <= close


@pytest.mark.parametrize("mode", ["1", "L", "LA", "La", "I;16", "I;16B", "I;16L"])
def test_grey_modes_have_one_channel(mode):
    """Grey images of each mode are black and white at the ends of their scale."""
    white = 65535 if mode.startswith("I;16") else 255
    image = grey([0, white], np.uint16 if white > 255 else np.uint8)
    if mode == "La":
        image = image.convert("LA").convert("La")
    elif white == 255:
        image = image.convert(mode)
    else:
        image = Image.frombytes(mode, (2, 1), np.array([0, white], ">u2").tobytes())
    assert encoded([image]).tolist() == [[[[0, 255]]]]


def test_jpeg_in_inks_and_tiff_in_16_bit_colours():
    """CMYK of Adobe's JPEG is turned as its mark says; 16 bits of each colour keep their upper 8."""
    flat = Image.new("CMYK", (8, 8), (0, 155, 205, 55))
    assert (
        np.abs(encoded([saved(flat, "JPEG", quality=100)])[0, :, 0, 0].astype(int) - [200, 79, 39]).max() <= 3
    )
    ppm = pgm([51400, 25700, 12850], 65535, b"P6")
    assert encoded([ppm])[0, :, 0, 0].tolist() == [200, 100, 50]
    assert encoded([pgm([800, 400, 200], 1000, b"P3")])[0, :, 0, 0].tolist() == [204, 102, 51]


def test_transparency_is_laid_on_white_wherever_it_stands():
    """An alpha channel, a clear colour of grey, RGB, palette or 16 bits: all are white where nothing is."""
    half = Image.fromarray(np.array([[[100, 0], [100, 255]]], np.uint8))
    assert encoded([half])[0, 0, 0].tolist() == [255, 100]
    for image, clear in (
        (grey([100, 7]), 100),
        (RGB.crop((0, 0, 2, 1)), (200, 100, 50)),
        (grey([100, 7]).convert("P"), 100),
        (grey([100, 7 * 257], np.uint16), 100),
    ):
        found = encoded([saved(image, "PNG", transparency=clear)])
        assert (found[0, :, 0, 0] == 255).all(), image.mode
        assert (found[0, :, 0, 1] < 20).all(), image.mode


def test_upright_whatever_the_depth():
    """Orientation of EXIF turns 16-bit and colour images alike."""
    exif = Image.Exif()
    exif[0x0112] = 6
    for image in (grey([0, 255]), grey([0, 65535], np.uint16)):
        found = encoded([saved(image, "PNG", exif=exif)])
        assert found[0, 0].tolist() == [[0], [255]]


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG"])
def test_one_of_several_frames_is_never_taken_unasked(kind):
    """A file of several images is DAT392, and `frame` says which one is read."""
    frames = [Image.new("L", (4, 4), value) for value in (10, 200)]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = saved(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert code_of([content]) == "DAT392"
    assert [encoded([content], frame=number, channels=1).max() for number in (0, 1)] == [10, 200]
    assert code_of([content], frame=2) == "DAT311"


def test_colours_are_not_left_out_where_the_first_images_are_grey():
    """A colour among images that were grey is DAT391; equal channels and a stated number are read."""
    first = [grey([0, 128, 255])]
    assert code_of([RGB], first) == "DAT391"
    assert encoded([grey([1, 2, 3]).convert("RGB")], first).tolist() == [[[[1, 2, 3]]]]
    assert encoded([RGB], first, channels=1).shape == (1, 1, 1, 3)
    assert encoded([first[0]], [RGB]).shape == (1, 3, 1, 3)


BASE = np.linspace(0, 1, 2 * 6 * 5).reshape(2, 6, 5)
EIGHT = np.rint(BASE * 255).astype(np.uint8)
TYPES = {
    "bool": (BASE > 0.5, (BASE > 0.5) * np.uint8(255)),
    "uint8": (EIGHT, EIGHT),
    "uint16": ((BASE * 65535).astype("u2"), (BASE * 65535).astype("u2") >> 8),
    "uint16, big end first": ((BASE * 65535).astype(">u2"), (BASE * 65535).astype("u2") >> 8),
    "int16 of bytes": (EIGHT.astype("i2"), EIGHT),
    "int64 of bytes": (EIGHT.astype(">i8"), EIGHT),
    "float16": ((EIGHT / 255).astype("f2"), EIGHT),
    "float32": ((EIGHT / 255).astype("f4"), EIGHT),
    "float64, big end first": ((EIGHT / 255).astype(">f8"), EIGHT),
    "floats of bytes": (EIGHT.astype("f4"), EIGHT),
}


@pytest.mark.parametrize("name", TYPES)
def test_arrays_have_the_scale_of_their_type(name):
    """A table, a list of arrays and nested lists give the same pixels; so does each sample alone."""
    values, expected = TYPES[name]
    made = field()
    for column in (values, list(values), [item.tolist() for item in values]):
        if column is not values and name.startswith(("uint16", "bool")) and isinstance(column[0], list):
            continue  # lists hold no type
        facts = made.infer_facts(column)
        assert made.encode(column, facts)[:, 0].tolist() == expected.tolist()
        alone = [made.encode(column[row : row + 1], facts)[0, 0].tolist() for row in range(2)]
        assert alone == expected.tolist()


OUTSIDE = {
    "-1 to 1": (BASE * 2 - 1, [-1, 1]),
    "standardised": ((BASE - 0.5) / 0.3, [-2, 2]),
    "a little above 1": (BASE * 1.2, [0, 1.2]),
    "floats to 255": (BASE * 255, [0, 255]),
    "int8": ((BASE * 255 - 128).astype("i1"), [-128, 127]),
    "12 bits in int16": ((BASE * 4095).astype("i2"), [0, 4095]),
    "uint32": ((BASE * (2**32 - 1)).astype("u4"), [0, 2**32 - 1]),
    "negative": ((BASE * 100 - 50).astype("i4"), [-128, 127]),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_arrays_outside_of_a_scale_are_refused_or_scaled_as_stated(name):
    """What no type explains is DAT390, and read by the range that is stated, each value at its share of it."""
    values, limits = OUTSIDE[name]
    values = values.astype("f4") if values.dtype.kind == "f" else values
    assert code_of(values) == "DAT390"
    assert code_of(list(values)) == "DAT390"
    found = encoded(values, range=limits)[:, 0].astype(int)
    shares = (values.astype("f8") - limits[0]) / (limits[1] - limits[0])
    assert np.abs(found - shares * 255).max() <= 0.51


def test_the_help_states_the_range_that_fits():
    """The finding's edit holds the narrowest usual scale of the values."""
    for name, values in (("-1 to 1", [-1, 1]), ("12 bits in int16", [0, 4095]), ("int8", [-128, 127])):
        with pytest.raises(ProblemError) as caught:
            field().infer_facts(OUTSIDE[name][0])
        assert [(item.path, item.value) for item in caught.value.problem.rewrites] == [("range", values)]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_no_pixels(value):
    """NaN and infinity are refused at their sample."""
    values = BASE.copy()
    values[1, 2, 3] = value
    assert code_of(values) == "DAT390"
    with pytest.raises(ProblemError) as caught:
        field().encode(values, field().infer_facts(BASE))
    assert (caught.value.problem.code, caught.value.problem.row) == ("DAT390", 1)


@pytest.mark.parametrize(
    ("known", "new"),
    [
        (BASE, BASE * 255),
        (BASE, BASE * 2 - 1),
        (EIGHT.astype("f4"), BASE),
        (EIGHT, BASE * 2),
        (EIGHT, (BASE * 4095).astype("i2")),
        (EIGHT.astype("i8"), (BASE * 1000).astype("i8")),
    ],
)
def test_later_arrays_that_leave_the_scale_are_refused(known, new):
    """What validation, test or new samples hold is read on the scale of training, and refused outside of it."""
    assert code_of(new, known) == "DAT390"


def test_a_scale_that_is_hardly_used_is_said():
    """12 bits in 16 leave 16 levels of grey: a warning that names `range`."""
    made = field()
    [found] = made.compare(made.infer_facts((BASE * 4095).astype("u2")))
    assert found.code == "DAT393"
    assert list(made.compare(made.infer_facts((BASE * 65535).astype("u2")))) == []
    assert list(made.compare(made.infer_facts(np.zeros((2, 6, 5), "u2")))) == []


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ((BASE * 255).astype("u2"), "range: [0, 255]"),
        (list((BASE * 255).astype("u2")), "range: [0, 255]"),
        ([saved(Image.fromarray((BASE[0] * 250).astype("u2")), "PNG")], "range: [0, 255]"),
        (BASE * 1e-3, "range: [0, 0.001]"),
    ],
)
def test_images_that_all_become_black_are_said(values, named):
    """Values so low that every pixel is 0, though they differ, are a warning that names `range`."""
    made = field()
    [found] = made.compare(made.infer_facts(values))
    assert found.code == "DAT393"
    assert named in found.helps[0]
    assert len(found.title) <= 80
    assert list(made.compare(made.infer_facts([np.zeros((6, 5), "u2")]))) == []


@pytest.mark.parametrize(
    ("shape", "block", "dims"),
    [
        ((6, 5), {}, (1, 6, 5)),
        ((6, 5, 1), {}, (1, 6, 5)),
        ((1, 6, 5), {}, (1, 6, 5)),
        ((6, 5, 3), {}, (3, 6, 5)),
        ((3, 6, 5), {}, (3, 6, 5)),
        ((6, 5, 2), {}, (2, 6, 5)),
        ((4, 4, 3), {"channels": 3}, (3, 4, 4)),
        ((4, 4, 3), {"layout": "HWC"}, (3, 4, 4)),
        ((4, 4, 3), {"layout": "CHW"}, (4, 4, 3)),
        ((9, 6, 5), {"layout": "CHW"}, (9, 6, 5)),
        ((6, 5, 9), {"channels": 9}, (9, 6, 5)),
        ((3, 3), {}, (1, 3, 3)),
    ],
)
def test_channels_stand_where_sizes_or_the_spec_say(shape, block, dims):
    """Tables and lists of arrays lie alike, and new arrays lie as those that were looked at."""
    values = np.random.default_rng(0).integers(0, 256, (2, *shape), np.uint8)
    made = field(**block)
    for column in (values, list(values)):
        facts = made.infer_facts(column)
        assert facts.shape.dims == dims
        found = made.encode(column, facts)
        assert found.shape == (2, *dims)
        moved = (
            values.reshape(2, *dims) if dims[0] in {1, shape[0]} and shape != dims[1:] + dims[:1] else None
        )
        expected = np.moveaxis(values, -1, 1) if moved is None else moved
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("shape", [(4, 4, 3), (3, 3, 3), (9, 8, 7), (1, 28, 1)])
def test_channels_at_either_end_are_a_question(shape):
    """Arrays whose channels may be first or last are DAT324, which offers both layouts."""
    values = np.zeros((2, *shape), np.uint8)
    with pytest.raises(ProblemError) as caught:
        field().infer_facts(values)
    assert caught.value.problem.code == "DAT324"
    assert {item.value for item in caught.value.problem.rewrites} == {"HWC", "CHW"}


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((2, 3, 3, 3, 3), np.uint8),
        np.zeros((2, 9), np.uint8),
        np.zeros((2, 4, 4), complex),
        [[[1, 2], [3]]],
    ],
)
def test_other_arrays_are_no_images(values):
    """Flat rows, too many axes, complex numbers and ragged lists are DAT319."""
    assert code_of(values) == "DAT319"


def test_numbers_whose_sign_pillow_gets_wrong_are_refused():
    beyond = tiff([0, 1, 2**31], 32)
    assert code_of([beyond], range=[0, 2**32 - 1]) == "DAT311"
    assert encoded([tiff([0, 1, 2**31 - 1], 32)], range=[0, 2**31 - 1]).ravel().tolist() == [0, 0, 255]
    assert code_of([tiff([0, 1, 255], 8, sample_format=2)]) == "DAT311"


@pytest.mark.parametrize(
    ("new", "asked"),
    [
        (np.full((2, 8, 8), 3000, np.uint16), True),
        (np.arange(128, dtype=np.uint16).reshape(2, 8, 8), True),
        (np.full((2, 8, 8), 60000, np.uint16), False),
        (np.full((2, 8, 8), 1, np.uint8), True),
        (np.full((2, 8, 8), 9, np.uint8), False),
    ],
)
def test_new_images_that_are_nearly_black_are_a_doubt(new, asked):
    """12 bits in 16, or masks, where training had whole images, are DAT393; where training had such, nothing is said."""
    made = field()
    usual = made.infer_facts(np.arange(128, dtype=np.uint8).reshape(2, 8, 8) * 2)
    assert [item.code for item in made.doubts(new, usual)] == ["DAT393"] * asked
    assert list(made.doubts(new, made.infer_facts(new))) == []


def test_the_range_of_shares_is_from_0_to_1():
    """Floats of 0 to 1 in a column of bytes are said with the range that they have."""
    made = field()
    facts = made.infer_facts(np.arange(128).reshape(2, 8, 8))
    with pytest.raises(ProblemError) as caught:
        made.encode(np.linspace(0, 0.9, 128).reshape(2, 8, 8), facts)
    assert "`range: [0, 1]`" in caught.value.problem.helps[0]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_an_image_is_decoded_once_for_its_kind_and_once_for_its_pixels(kind, monkeypatch):
    """Neither a search for EXIF data decodes it again, nor is there a copy of one that is upright."""
    files, decoded = [saved(grey([0, 9, 255]), kind)] * 3, []
    decoder = Image._getdecoder
    monkeypatch.setattr(Image, "_getdecoder", lambda *args: decoded.append(kind) or decoder(*args))
    monkeypatch.setattr(Image.Image, "copy", lambda _: pytest.fail("it was copied"))
    assert field().infer_facts(files).shape.dims == (1, 1, 3)
    assert len(decoded) == 2 * len(files)
