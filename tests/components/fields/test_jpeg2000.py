"""JPEG 2000 of any bit depth: pixels and masks are those of the file, or refused."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from declare.contract.problem import ProblemError
from declare.parsing import parser

_SIZ, _QCD = b"\xff\x4f\xff\x51", b"\xff\x5c"


def with_bits(content: bytes, bits: int, sign: int = 0) -> bytes:
    """Return a codestream that states another depth: its numbers are then another distance from the middle."""
    stream = bytearray(content)
    start = stream.index(_SIZ) + 40
    for component in range(*struct.unpack_from(">H", stream, start)):
        stream[start + 2 + 3 * component] = bits - 1 + sign
    return bytes(stream)


def saved(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG2000", no_jp2=True, **options)
    return buffer.getvalue()


def grey(numbers: list[int], bits: int) -> bytes:
    """Return a lossless image of one row of numbers."""
    stored = 8 if bits <= 8 else 16
    row = np.array([numbers]) + 2 ** (stored - 1) - 2 ** (bits - 1)
    return with_bits(saved(Image.fromarray(row.astype(f"u{stored // 8}")), irreversible=False), bits)


def read(content: bytes, **block: object) -> tuple[object, list[int]]:
    made = parser.parse("fields", block)
    facts = made.infer_facts([content])
    return facts.classes, made.encode([content], facts).ravel().tolist()


@pytest.mark.parametrize("bits", [1, 2, 4, 5, 7, 9, 10, 12, 15])
def test_numbers_of_few_bits_are_those_of_the_file(bits):
    """Pillow shifts them upwards, which makes other classes and a grey white."""
    numbers = sorted({0, 1, 2**bits // 2 - 1, 2**bits - 1})
    content = grey(numbers, bits)
    assert read(content, type="mask") == (tuple(map(str, numbers)), list(range(len(numbers))))
    pixels = read(content, type="image")[1]
    np.testing.assert_allclose(pixels, np.array(numbers) * 255 / (2**bits - 1), atol=0.51)


@pytest.mark.parametrize("bits", [5, 9, 12, 16])
def test_colours_of_other_depths_are_refused(bits):
    """The brightest of them would be black: Pillow rounds 16 bits to 256, which a byte holds as 0."""
    colours = saved(Image.new("RGB", (8, 8), "white"))
    for content in (with_bits(colours, bits), with_bits(saved(Image.new("L", (8, 8))), 8, sign=128)):
        for kind in ("image", "mask"):
            with pytest.raises(ProblemError) as caught:
                read(content, type=kind)
            assert caught.value.problem.code == "DAT311"
    assert set(read(colours, type="image")[1]) == {255}
