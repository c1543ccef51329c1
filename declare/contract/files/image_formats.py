"""Which image files are read: endings, formats and sizes. Free of Pillow, so that a folder is listed without it."""

from collections.abc import Iterator, Mapping

from declare.contract.problem import Problem

_ENDINGS = {
    "AVIF": ".avif .avifs",
    "BLP": ".blp",
    "BMP": ".bmp",
    "CUR": ".cur",
    "DCX": ".dcx",
    "DDS": ".dds",
    "DIB": ".dib",
    "FLI": ".fli .flc",
    "FTEX": ".ftc .ftu",
    "GBR": ".gbr",
    "GIF": ".gif",
    "ICNS": ".icns",
    "ICO": ".ico",
    "IM": ".im",
    "JPEG": ".jpg .jpeg .jpe .jfif .mpo",
    "JPEG2000": ".jp2 .j2k .jpc .jpf .jpx .j2c",
    "MSP": ".msp",
    "PCD": ".pcd",
    "PCX": ".pcx",
    "PIXAR": ".pxr",
    "PNG": ".png .apng",
    "PPM": ".pbm .pgm .ppm .pnm .pfm",
    "PSD": ".psd",
    "QOI": ".qoi",
    "SGI": ".bw .rgb .rgba .sgi",
    "SUN": ".ras",
    "TGA": ".tga .icb .vda .vst",
    "TIFF": ".tif .tiff",
    "WEBP": ".webp",
    "XBM": ".xbm",
    "XPM": ".xpm",
}
FORMATS = tuple(_ENDINGS)
"""Pillow's names of the formats that are decoded: all that it decodes whole without other libraries."""
_USUAL = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000")
_WEAKLY_MARKED = frozenset(
    {"CUR", "DCX", "DIB", "FLI", "GBR", "IM", "PCD", "PCX", "SGI", "TGA", "XBM"},
)
"""Formats that are recognised by a few bits of a file only: damaged files may look like them."""
_MARKED = (*_USUAL, *(name for name in FORMATS if name not in _WEAKLY_MARKED | {*_USUAL}))
SUFFIXES: Mapping[str, str] = {
    ending: name for name, endings in _ENDINGS.items() for ending in endings.split()
}
"""The format that a file name's ending (lower case) promises; what the file is follows from its content."""


def formats_of(suffix: str) -> tuple[str, ...]:
    """Return the formats that a file with this ending (lower case) may have, the most usual ones first.

    Weakly marked formats are read if the ending promises them alone.
    """
    promised = SUFFIXES.get(suffix)
    return (*_MARKED, promised) if promised in _WEAKLY_MARKED else _MARKED


def check_sides(size: int | list[int]) -> Iterator[Problem]:
    """Yield a problem if a size is not one or two positive numbers of pixels."""
    sides = [size] if isinstance(size, int) else size
    if len(sides) not in {1, 2} or min(sides) < 1:
        yield Problem(
            "SCH108",
            f"`size` is {size}, not one or two positive numbers of pixels",
            at="size",
            label="one side, or [height, width]",
            helps=("write one number, such as `size: 64`, or `size: [HEIGHT, WIDTH]`",),
        )
