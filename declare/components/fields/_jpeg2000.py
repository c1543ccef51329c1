"""Bits of the samples of a JPEG 2000 image, which Pillow shifts to 8 or 16 bits.

Source: the marker SIZ of ISO/IEC 15444-1, A.5.1.
"""

import struct
from typing import NamedTuple

from PIL import Image, ImageFile

_START = b"\xff\x4f\xff\x51"
"""Markers at the start of a codestream: SOC, SIZ."""
_HEAD = 1 << 16
_COMPONENTS = 40
"""Offset of the number of components from that start."""
_SIGNED = 128


class Samples(NamedTuple):
    """Bits of the samples of all channels; 0 if channels differ or are signed."""

    bits: int

    def shift(self, mode: str) -> int:
        """Return by how many bits Pillow shifts samples upwards in an image of this mode."""
        return (16 if mode.startswith("I;16") else 8) - self.bits

    def is_misread(self, mode: str) -> bool:
        """Return whether pixels of this mode are not the samples, shifted: white of deep colours becomes black."""
        most = {"L": 8, "I;16": 16}.get(mode, 0)
        return self.bits != 8 and not 0 < self.bits <= most


def samples_of(image: Image.Image) -> Samples | None:
    """Return the samples of an image whose pixels are not loaded yet; None for another format."""
    if image.format != "JPEG2000" or not isinstance(image, ImageFile.ImageFile) or image.fp is None:
        return None
    file = image.fp
    place = file.tell()
    file.seek(0)
    head = file.read(_HEAD)
    file.seek(place)
    start = head.find(_START)
    if start < 0:
        return Samples(0)
    (number,) = struct.unpack_from(">H", head, start + _COMPONENTS)
    sizes = set(head[start + _COMPONENTS + 2 : start + _COMPONENTS + 2 + 3 * number : 3])
    size = sizes.pop() if len(sizes) == 1 else _SIGNED
    return Samples(0 if size & _SIGNED else size + 1)
