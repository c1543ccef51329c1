"""Headers of Parquet files of strangers: measured or refused, whatever stands in them."""

import contextlib

import pytest

from declare.components.sources import _parquet_limits
from declare.components.sources._parquet_limits import refuse_large


def test_no_byte_ends_in_a_bug(tmp_path):
    """Whatever one byte of a file is changed to, the file is measured or refused."""
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [1.0, 2.0], "b": [["x"], ["y"]]}), path, store_schema=False)
    content = path.read_bytes()
    for place in range(len(content)):
        for value in (0, content[place] ^ 1, content[place] ^ 8, 0x19, 255):
            path.write_bytes(content[:place] + bytes([value]) + content[place + 1 :])
            with contextlib.suppress(ValueError, MemoryError):
                refuse_large(path)


@pytest.mark.parametrize("footer", [b"\x19" * 6000, b"\x19\xfc\xd0\x0f" + bytes(2001)])
def test_headers_that_are_nothing_but_lists(tmp_path, monkeypatch, footer):
    """Lists in lists, or more empty structures than any table needs, are no headers."""
    monkeypatch.setattr(_parquet_limits, "_MOST_VALUES", 1000)
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1" + footer + len(footer).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(ValueError, match="too many values, or values nested too deep"):
        refuse_large(path)
