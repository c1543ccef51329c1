"""Which image files are read: endings and formats. Free of Pillow, so that a folder is listed without it."""

from collections.abc import Mapping

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
"""Pillow's names of the formats that are decoded: all that it decodes whole, by itself."""
_USUAL = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "JPEG2000")
_WEAKLY_MARKED = frozenset(
    {"CUR", "DCX", "DIB", "FLI", "GBR", "IM", "PCD", "PCX", "SGI", "TGA", "XBM"},
)
"""Formats that a file has no more than a few bits to be told by: damaged files may look like them."""
_MARKED = (*_USUAL, *(name for name in FORMATS if name not in _WEAKLY_MARKED | {*_USUAL}))
SUFFIXES: Mapping[str, str] = {
    ending: name for name, endings in _ENDINGS.items() for ending in endings.split()
}
"""The format that a file name's ending (lower case) promises; what the file is, its content says."""
UNREAD: Mapping[str, str] = {
    "BUFR": "needs an external program",
    "EPS": "a program that another one would run",
    "FITS": "measurements without a scale",
    "GRIB": "needs an external program",
    "HDF5": "arrays: the source `hdf5` reads them",
    "IPTC": "old and rare",
    "MPEG": "a film",
    "PALM": "can only be written",
    "PDF": "can only be written",
    "WMF": "needs an external program",
}
"""Formats that Pillow has an ending for and that are not read, each with the reason."""


def formats_of(suffix: str) -> tuple[str, ...]:
    """Return the formats that a file with this ending (lower case) may have, the most usual ones first.

    Weakly marked formats are read where the ending promises them alone.
    """
    promised = SUFFIXES.get(suffix)
    return (*_MARKED, promised) if promised in _WEAKLY_MARKED else _MARKED
