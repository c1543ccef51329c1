"""Text files: their encodings, and problems of files that are not text."""

import codecs
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import Field as Param

from declare.contract.problem import Problem
from declare.system.out_of_memory import require_memory

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as that of UTF-16 does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""First bytes of a file that define its encoding (byte-order marks)."""
_LOOK = 4096
_COPIES = 3
"""Number of copies of a text in memory while it is read: bytes, characters, parts."""
_SLOW = frozenset({"idna", "punycode"})
"""Encodings of domain names, whose time is quadratic in the length of the text."""
_PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ\0": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\x04\x22\x4d\x18": "LZ4",
    b"PK\x03\x04": "zip",
    b"7z\xbc\xaf": "7-Zip",
    b"x\x01": "zlib",
    b"x\x9c": "zlib",
    b"x\xda": "zlib",
}
"""First bytes of compressed files."""


Encoding = Annotated[
    str | None,
    Param(
        description=(
            "the text encoding: `windows-1252`, `latin-1`, `shift-jis`; default: UTF-8, or that "
            "of the byte-order mark"
        )
    ),
]


def unknown_encoding(encoding: str | None) -> Iterable[Problem]:
    """Yield a problem for an unknown encoding."""
    try:
        known = encoding is None or (bool("a".encode(encoding)) and codecs.lookup(encoding).name not in _SLOW)
    except (LookupError, TypeError, ValueError):  # `undefined`, and names with a zero
        known = False
    if not known:
        yield Problem(
            "SCH108",
            f"`{str(encoding)[:24]}` is not a text encoding",
            at="encoding",
            label="not known",
            helps=("write `utf-8`, `windows-1252` or another encoding of Python",),
        )


def compression(start: bytes) -> str | None:
    """Return the compression format of a file by its first bytes; None if it is not compressed."""
    name = next((name for mark, name in _PACKED.items() if start.startswith(mark)), None)
    return None if name == "bzip2" and start[4:10] != b"1AY&SY" else name


def refuse_compressed(start: bytes) -> None:
    """Raise ValueError for the first bytes of a compressed file, whose unpacked size is unknown."""
    name = compression(start)
    if name is not None:
        raise ValueError(f"it is compressed with {name}: unpack it first")


def encoding_of(path: Path, stated: str | None = None) -> str:
    """Return the encoding of a file: the stated one, else that of its byte-order mark, else UTF-8.

    Raises ValueError for a file that does not start like text.
    """
    with path.open("rb") as file:
        start = file.read(_LOOK)
    marked = next((name for mark, name in _MARKS if start.startswith(mark)), None)
    if stated is not None and marked is not None:
        if not codecs.lookup(stated).name.startswith(marked.removesuffix("-sig")):
            raise ValueError(
                f"its byte-order mark means {marked.removesuffix('-sig')}, but `encoding` is {stated}"
            )
        return marked
    if stated is not None:
        return stated
    refuse_compressed(start)
    if marked is None and b"\0" in start:
        raise ValueError("its first bytes contain zeros, unlike text: state its `encoding` (`utf-16-le`)")
    return marked or "utf-8"


def read_text(path: Path, stated: str | None = None) -> str:
    """Return the content of a file with Unix line ends; raises ValueError if its encoding differs."""
    encoding = encoding_of(path, stated)
    require_memory(_COPIES * path.stat().st_size, f"`{path.name}`")
    try:
        return path.read_text(encoding=encoding)
    except UnicodeError as error:
        raise ValueError(not_in(encoding, error)) from None


def not_in(encoding: str, error: UnicodeError) -> str:
    """Return the problem of text that is not in its encoding, with the fix."""
    name = "UTF-8" if encoding.startswith("utf-8") else encoding
    where = f" (byte {error.object[error.start]:#04x})" if isinstance(error, UnicodeDecodeError) else ""
    return f"it is not {name}{where}: state its `encoding` (`windows-1252` in western Europe), or save it as UTF-8"
