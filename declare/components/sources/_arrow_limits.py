"""Limits for Arrow files: uncompressed buffers, all within the file.

Source: the format's definition, https://arrow.apache.org/docs/format/Columnar.html (Flatbuffers of messages).
"""

import struct
from pathlib import Path
from typing import Any, NamedTuple

from declare.components.sources._frames import MOST_BYTES, MOST_RATIO
from declare.system.out_of_memory import require_memory

_SMALLEST_VALUE = 8
_VALUE_BYTES = 32
"""Bytes of a value as a Python object."""
_HEADER_TYPE, _HEADER = 1, 2
_DICTIONARY, _BATCH = 2, 3
_DATA, _COMPRESSION = 1, 3


def refuse_unsafe(path: Path) -> None:
    """Raise ValueError for a damaged Arrow stream, or one whose values need far more memory than its size.

    These are compressed buffers, and values that are stored once, or not at all, and used many times.
    """
    import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

    with pa.memory_map(str(path)) as source:
        messages = pa.ipc.MessageReader.open_stream(source)
        for message in iter(lambda: _next(messages), None):
            if _is_packed(bytes(message.metadata)):
                raise ValueError(f"`{path.name}` contains compressed buffers: write it without compression")
        source.seek(0)
        table = pa.ipc.open_stream(source).read_all()
        table.validate(full=True)  # no offsets lead out of its buffers
        refuse_expanded(sum((sizes_of(column) for column in table.columns), Sizes()), path.stat().st_size)


def refuse_shared_texts(path: Path) -> None:
    """Raise ValueError for a Parquet file whose texts are stored once and used many times, far beyond its size."""
    import pyarrow.parquet as pq  # type: ignore[import-untyped,unused-ignore]

    with pq.ParquetFile(path) as file:
        leaves = [file.schema.column(number) for number in range(len(file.schema))]
    texts = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
    if texts:
        with pq.ParquetFile(path, read_dictionary=texts) as file:
            table = file.read(columns=texts)
        refuse_expanded(sum((sizes_of(column) for column in table.columns), Sizes()), path.stat().st_size)


def refuse_expanded(sizes: "Sizes", stored: int) -> None:
    """Raise ValueError for values that need far more memory than is stored; MemoryError if memory is short."""
    limit = max(MOST_BYTES, MOST_RATIO * stored)
    if sizes.size > limit or sizes.values > max(MOST_BYTES, _SMALLEST_VALUE * MOST_RATIO * stored):
        amount = f"{sizes.values:,} values, {sizes.size / 1e9:.3g} GB of texts and numbers"
        raise ValueError(f"it unpacks to {amount} from {stored / 1e6:.3g} MB")
    require_memory(sizes.size + _VALUE_BYTES * sizes.values, "the table")


class Sizes(NamedTuple):
    """Number of values of a column, including those in lists, and their bytes."""

    values: int = 0
    size: int = 0

    def __add__(self, other: Any) -> "Sizes":
        return Sizes(self.values + other.values, self.size + other.size)


def sizes_of(column: Any) -> Sizes:
    """Return the size of an Arrow column; raises ValueError for types whose values may overlap."""
    return sum(map(_sizes, getattr(column, "chunks", [column])), Sizes())


def _sizes(array: Any) -> Sizes:
    import pyarrow as pa

    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return _sizes(array.storage)
    if any(test(kind) for test in _texts(pa)):
        return _of_texts(array)
    types = pa.types
    if types.is_dictionary(kind):
        return _of_dictionary(array)
    if types.is_nested(kind):
        return sum(map(_sizes, _inner(array)), Sizes(len(array)))
    if types.is_null(kind):
        return Sizes(len(array))
    if types.is_primitive(kind) or types.is_fixed_size_binary(kind) or types.is_decimal(kind):
        return Sizes(len(array), len(array) * kind.bit_width // 8)
    raise _unknown_type_error(kind)


def _of_texts(array: Any) -> Sizes:
    import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]

    return Sizes(len(array), pc.sum(pc.binary_length(array)).as_py() or 0)


def _inner(array: Any) -> list[Any]:
    """Return the children of lists and structs, in order; raises ValueError for types that may share them."""
    import pyarrow as pa

    types, kind = pa.types, array.type
    if types.is_struct(kind):
        return list(array.flatten())
    if types.is_map(kind):
        return [array.keys, array.items]
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return [array.flatten()]
    raise _unknown_type_error(kind)


def _unknown_type_error(kind: Any) -> ValueError:
    return ValueError(f"it contains values of type {str(kind)[:40]}: write plain ones")


def _of_dictionary(array: Any) -> Sizes:
    """Count the values that the indices refer to."""
    import pyarrow as pa
    import pyarrow.compute as pc  # type: ignore[import-untyped,unused-ignore]

    if any(test(array.dictionary.type) for test in _texts(pa)):
        lengths = pc.binary_length(array.dictionary).take(array.indices)
        return Sizes(len(array), pc.sum(lengths).as_py() or 0)
    one = _sizes(array.dictionary)
    # Of lists, the longest that there could be.
    most = one.values if pa.types.is_nested(array.dictionary.type) else 1
    return Sizes(len(array) * most, len(array) * one.size // (1 if most > 1 else max(1, one.values)))


def _texts(pa: Any) -> tuple[Any, ...]:
    types = pa.types
    return types.is_string, types.is_large_string, types.is_binary, types.is_large_binary


def _next(messages: Any) -> Any:
    try:
        return messages.read_next_message()
    except StopIteration:
        return None


def _is_packed(metadata: bytes) -> bool:
    """Return whether a message contains a batch, or a dictionary, with compressed buffers."""
    try:
        message = struct.unpack_from("<I", metadata)[0]
        kind = metadata[_field(metadata, message, _HEADER_TYPE) or 0]
        if kind not in {_DICTIONARY, _BATCH}:
            return False
        batch = _table(metadata, message, _HEADER)
        if kind == _DICTIONARY:
            batch = _table(metadata, batch, _DATA)
        return _field(metadata, batch, _COMPRESSION) is not None
    except (struct.error, IndexError):
        raise ValueError("it contains a damaged message") from None


def _field(metadata: bytes, table: int, number: int) -> int | None:
    """Return the offset of a field of a table; None if it is absent."""
    fields = table - struct.unpack_from("<i", metadata, table)[0]
    if 4 + 2 * number >= struct.unpack_from("<H", metadata, fields)[0]:
        return None
    offset = struct.unpack_from("<H", metadata, fields + 4 + 2 * number)[0]
    return table + offset if offset else None


def _table(metadata: bytes, table: int, number: int) -> int:
    """Return the offset of the table that a field refers to."""
    place = _field(metadata, table, number) or 0
    return int(place + struct.unpack_from("<I", metadata, place)[0])
