"""What Arrow files may hold: buffers as they are, within the file.

Source: the format's definition, https://arrow.apache.org/docs/format/Columnar.html (Flatbuffers of messages).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

_HEADER_TYPE, _HEADER = 1, 2
_DICTIONARY, _BATCH = 2, 3
_DATA, _COMPRESSION = 1, 3


def refuse_packed(path: Path) -> None:
    """Raise ValueError for a stream of Arrow whose buffers are compressed: they unpack to any size at once."""
    import pyarrow as pa  # type: ignore[import-untyped,unused-ignore]

    with pa.memory_map(str(path)) as source:
        messages = pa.ipc.MessageReader.open_stream(source)
        while True:
            try:
                message = messages.read_next_message()
            except StopIteration:
                return
            if _is_packed(bytes(message.metadata)):
                raise ValueError(f"`{path.name}` holds compressed buffers: write it without compression")


def refuse_damaged(table: Any) -> None:
    """Raise ValueError for a table of `datasets` whose offsets lead out of its buffers."""
    table.data.table.validate(full=True)


def _is_packed(metadata: bytes) -> bool:
    """Whether a message holds a batch, or a dictionary, whose buffers are compressed."""
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
        raise ValueError("it holds a damaged message") from None


def _field(metadata: bytes, table: int, number: int) -> int | None:
    """Return where a field of a table stands; None where it is left out."""
    fields = table - struct.unpack_from("<i", metadata, table)[0]
    if 4 + 2 * number >= struct.unpack_from("<H", metadata, fields)[0]:
        return None
    offset = struct.unpack_from("<H", metadata, fields + 4 + 2 * number)[0]
    return table + offset if offset else None


def _table(metadata: bytes, table: int, number: int) -> int:
    """Return where the table that a field refers to starts."""
    place = _field(metadata, table, number) or 0
    return int(place + struct.unpack_from("<I", metadata, place)[0])
