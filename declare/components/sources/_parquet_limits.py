"""The unpacked size of a Parquet file, summed from its headers before any page is unpacked.

Source: the format's definition, https://github.com/apache/parquet-format (Thrift's compact protocol).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from declare.components.sources._frames import MOST_BYTES, MOST_COLUMNS, MOST_RATIO, WORK_BYTES
from declare.system.out_of_memory import require_memory

_MAGIC = b"PAR1"
_MOST_PAGES = 1_000_000
_MOST_HEADER = 1 << 20
_MOST_FOOTER = 64 << 20
_MOST_VALUES = 5_000_000
"""Of one header: 100,000 columns in three row groups have as many."""
_DEEPEST = 16
_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_FIXED_LENGTH = 7
"""The type of columns whose values all have the length that the schema states."""
_SHARED_PREFIXES = 7
"""The encoding in which a text may repeat the whole text before it."""
_SMALLEST_VALUE = 8
_COPIES = 3
"""Number of copies of a table in the address space while it is read: pages, values, a selection of these."""

# Numbers of fields in the format's definition.
_SCHEMA, _ROW_GROUPS = 2, 4
_TYPE, _LENGTH, _CHILDREN = 1, 2, 5
_COLUMNS, _META = 1, 3
_VALUES, _UNPACKED, _PACKED, _FIRST_PAGE, _DICTIONARY = 5, 6, 7, 9, 11
_PAGE_UNPACKED, _PAGE_PACKED = 2, 3
_PAGES = {5: 2, 8: 4}
"""Headers of data pages of both versions, each with the field that names its encoding."""


def refuse_large(path: Path) -> None:
    """Raise ValueError for a file that is not Parquet, or that unpacks to far more than it stores.

    Counts bytes after decompression and values after run lengths, from the pages as well as from the footer.
    Raises MemoryError if memory is short.
    """
    stored = path.stat().st_size
    total = _Totals()
    with path.open("rb") as file:
        footer = _footer(file, stored)
        lengths = _lengths(_read_blocks(footer, _SCHEMA))
        for group in _read_blocks(footer, _ROW_GROUPS):
            for length, chunk in zip(lengths, _read_blocks(group, _COLUMNS), strict=True):
                total.add(file, stored, _read_block(chunk, _META), length)
    limit = max(MOST_BYTES, MOST_RATIO * stored)
    if total.unpacked > limit or total.numbers > max(MOST_BYTES, _SMALLEST_VALUE * MOST_RATIO * stored):
        most = max(total.unpacked, total.numbers)
        raise ValueError(f"it unpacks to {most / 1e9:.3g} GB from {stored / 1e6:.3g} MB")
    if total.repeated > limit:
        raise ValueError("its texts share prefixes (DELTA_BYTE_ARRAY): write them in another encoding")
    require_memory(max(total.unpacked, total.numbers // 2), "the table", copies=_COPIES, library=WORK_BYTES)


@dataclass
class _Totals:
    """Unpacked bytes of pages, of values in any encoding, and of texts that share prefixes."""

    unpacked: int = 0
    numbers: int = 0
    repeated: int = 0
    _pages: int = 0

    def add(self, file: BinaryIO, stored: int, column: Mapping[int, Any], length: int) -> None:
        """Add a column of a row group, from its metadata and its pages."""
        unpacked = values = 0
        for page in self._headers(file, stored, column):
            unpacked += _read_count(page, _PAGE_UNPACKED)
            for kind, encoding in _PAGES.items():
                header = _read_block(page, kind)
                values += _read_count(header, 1)
                if header.get(encoding) == _SHARED_PREFIXES:
                    self.repeated += _read_count(header, 1) * _read_count(page, _PAGE_UNPACKED)
        self.unpacked += max(unpacked, _read_count(column, _UNPACKED))
        self.numbers += max(values, _read_count(column, _VALUES)) * max(length, _SMALLEST_VALUE)

    def _headers(self, file: BinaryIO, stored: int, column: Mapping[int, Any]) -> Iterator[Mapping[int, Any]]:
        """Yield the headers of a column's pages, without their content."""
        place = _read_count(column, _FIRST_PAGE)
        if 0 < _read_count(column, _DICTIONARY) < place:
            place = _read_count(column, _DICTIONARY)
        end = place + _read_count(column, _PACKED)
        if end > stored:
            raise ValueError("a column lies beyond the end of the file")
        while place < end:
            self._pages += 1
            if self._pages > _MOST_PAGES:
                raise ValueError(f"it has more than {_MOST_PAGES:,} pages")
            page, size = _page_header(file, place)
            yield page
            place += size + _read_count(page, _PAGE_PACKED)


def _read_count(block: Mapping[int, Any], number: int) -> int:
    """Return a field that counts something; raises ValueError if it is negative or not a number."""
    value = block.get(number, 0)
    if not isinstance(value, int) or value < 0:
        raise ValueError("a header contains a negative size")
    return value


def _read_block(block: Mapping[int, Any], number: int) -> Mapping[int, Any]:
    """Return a field that is a structure, empty if it is not there; raises ValueError for anything else."""
    value = block.get(number, {})
    if not isinstance(value, dict):
        raise ValueError("a header holds something else than a structure")  # noqa: TRY004 - the file is wrong
    return value


def _read_blocks(block: Mapping[int, Any], number: int) -> list[Mapping[int, Any]]:
    """Return a field that is a list of structures, empty if it is not there; raises ValueError for others."""
    value = block.get(number, [])
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError("a header holds something else than a list of structures")
    return value


def _footer(file: BinaryIO, stored: int) -> Mapping[int, Any]:
    if stored < 3 * len(_MAGIC):
        raise ValueError("it is not a Parquet file")
    file.seek(stored - 8)
    end = file.read(8)
    size = int.from_bytes(end[:4], "little")
    if end[4:] != _MAGIC:
        raise ValueError("it is not a Parquet file: its last bytes differ")
    if size > min(stored - 12, _MOST_FOOTER):
        raise ValueError(f"its footer claims {size:,} bytes")
    file.seek(stored - 8 - size)
    try:
        return _Compact(file.read(size)).struct()
    except EOFError:
        raise ValueError("its footer ends too early") from None


def _lengths(schema: list[Mapping[int, Any]]) -> list[int]:
    """Return the bytes per value of each column, 0 if the type defines it; raises ValueError for too many columns."""
    leaves = [item for item in schema if not item.get(_CHILDREN)]
    if len(leaves) > MOST_COLUMNS:
        raise ValueError(f"it has {len(leaves):,} columns, at most {MOST_COLUMNS:,} are read")
    return [_read_count(item, _LENGTH) if item.get(_TYPE) == _FIXED_LENGTH else 0 for item in leaves]


def _page_header(file: BinaryIO, place: int) -> tuple[Mapping[int, Any], int]:
    """Return the header of a page and its size."""
    size = 512
    while True:
        file.seek(place)
        content = file.read(size)
        reader = _Compact(content)
        try:
            return reader.struct(), reader.position
        except EOFError:
            if len(content) < size or size > _MOST_HEADER:
                raise ValueError("a page has no header") from None
            size *= 16


class _Compact:
    """Reads Thrift's compact protocol: numbers and structs by field; texts are skipped."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.position = 0
        self._values = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """Read a struct as its fields by number; raises ValueError, or EOFError if the content ends early."""
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self._read_signed()
            fields[number] = kind == _TRUE if kind in {_TRUE, _FALSE} else self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        self._values += 1
        if depth > _DEEPEST or self._values > _MOST_VALUES:
            raise ValueError("its headers hold too many values, or values nested too deep")
        if kind in {_I16, _I32, _I64}:
            return self._read_signed()
        if kind in {_TRUE, _FALSE, _BYTE}:
            return self._byte()
        if kind in {_DOUBLE, _BINARY}:
            self._pass_over(8 if kind == _DOUBLE else self._read_unsigned())
            return None
        if kind in {_LIST, _SET}:
            head = self._byte()
            size = head >> 4 if head >> 4 < 15 else self._read_unsigned()
            self._require(size)
            return [self._value(head & 15, depth + 1) for _ in range(size)]
        if kind == _MAP:
            size = self._read_unsigned()
            self._require(size)
            kinds = self._byte() if size else 0
            return [
                (self._value(kinds >> 4, depth + 1), self._value(kinds & 15, depth + 1)) for _ in range(size)
            ]
        if kind == _STRUCT:
            return self.struct(depth + 1)
        raise ValueError("its headers contain an unknown type")

    def _byte(self) -> int:
        self._require(1)
        self.position += 1
        return self._content[self.position - 1]

    def _read_unsigned(self) -> int:
        value = shift = 0
        while shift < 70:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
        raise ValueError("a header contains an unterminated number")

    def _read_signed(self) -> int:
        value = self._read_unsigned()
        return value >> 1 ^ -(value & 1)

    def _pass_over(self, size: int) -> None:
        self._require(size)
        self.position += size

    def _require(self, size: int) -> None:
        if self.position + size > len(self._content):
            raise EOFError
