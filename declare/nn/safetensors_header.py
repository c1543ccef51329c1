"""Headers of `.safetensors` files, read before anything is taken from the file; needs no torch.

Header lengths, offsets, shapes and types must agree with each other and with the size of the file.
"""

import json
import math
import stat
from pathlib import Path
from typing import Any

from declare.nn.tensor_facts import TensorFacts

_LARGEST = 32 << 20
MOST_TENSORS = 200_000
_SIZES = {
    **dict.fromkeys(("F64", "I64", "U64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
    **dict.fromkeys(("F8_E4M3", "F8_E5M2", "I8", "U8", "BOOL"), 1),
}
# Counted before anything is made of them: a byte of JSON may stand for thirty of memory.
_MARKS = {b"{": MOST_TENSORS + 2, b"[": 2 * MOST_TENSORS, b",": 16 * MOST_TENSORS}


class UnreadableError(ValueError):
    """The file contains no weights that can be read safely; the message states why."""


def regular_size(path: Path) -> int:
    """Return a file's size in bytes; raises `UnreadableError` for a pipe or device, OSError if it does not exist."""
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise UnreadableError("it is not a regular file")
    return facts.st_size


def check_header(path: Path) -> None:
    """Raise `UnreadableError` if a file's header is wrong; other errors of reading are not changed."""
    read_header(path)


def read_header(path: Path) -> dict[str, TensorFacts]:
    """Return shape and type of each tensor in a `.safetensors` file; raises as `check_header` does."""
    size = regular_size(path)
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(_LARGEST, max(0, size - 8)):
            raise UnreadableError(f"its header claims {length:,} bytes, but the file has {size:,}")
        text = file.read(length)
    if any(text.count(mark) > most for mark, most in _MARKS.items()):
        raise UnreadableError("its header lists too many tensors")
    if not size:
        raise UnreadableError("it is empty")
    try:
        header = json.loads(text)
        _check(header, size - 8 - length)
    except UnreadableError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableError("its header lists no tensors") from error
    return {
        name: TensorFacts(tuple(facts["shape"]), facts["dtype"])
        for name, facts in header.items()
        if name != "__metadata__"
    }


def _check(header: Any, room: int) -> None:
    """Raise if tensors do not match their shapes, overlap, leave gaps, or are outside the file."""
    if not isinstance(header, dict) or len(header) > MOST_TENSORS + 1:
        raise UnreadableError("its header lists no tensors")
    places = []
    for name, facts in header.items():
        if name == "__metadata__":
            continue
        start, end = facts["data_offsets"]
        shape = facts["shape"]
        are_counts = all(type(number) is int and number >= 0 for number in (start, end, *shape))
        if not are_counts or end - start != math.prod(shape) * _SIZES[facts["dtype"]]:
            raise UnreadableError(f"the size of `{name[:60]}` differs from its header")
        places.append((start, end))
    _check_places(sorted(places), room)


def _check_places(places: list[tuple[int, int]], room: int) -> None:
    after = 0
    for start, end in places:
        if start != after:
            raise UnreadableError("its tensors overlap or leave gaps")
        after = end
    if after != room:
        raise UnreadableError(f"its tensors take {after:,} bytes, the file has {room:,} for them")
