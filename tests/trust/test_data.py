"""Threat model, line "data": what promises more than it holds is refused before it is unpacked."""

from __future__ import annotations

import json
import os
import resource
import struct
import zipfile
import zlib

import numpy as np
import pytest

from declare.components.fields._decoding import Decoding, Frame
from declare.components.fields._pictures import MAX_PIXELS
from declare.components.fields._pixels import decode
from declare.components.sources.csv import Csv
from declare.components.sources.hdf5 import Hdf5
from declare.components.sources.jsonl import Jsonl
from declare.components.sources.npz import Npz
from declare.components.sources.parquet import Parquet
from declare.contract.problem import ProblemError


def read_all(source):
    reader = source.open()
    for column in reader.columns:
        reader.read(column)


def refused(source, *codes):
    """Open a source and read all its columns; the finding's code, and that memory stayed small."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ProblemError) as caught:
        read_all(source)
    assert caught.value.problem.code in codes, caught.value.problem
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700_000  # kB


def npy(shape, kind="<f8", body=b""):
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + body


NPZ = {
    "promise": ([("a.npy", npy("(1000000000000,)"))], "DAT333"),
    "negative": ([("a.npy", npy("(-1, -1000000000)"))], "DAT333"),
    "objects": ([("a.npy", npy("(1,)", "|O", b"x" * 8))], "DAT335"),
    "texts": ([("a.npy", npy("(1,)", "<U1000000000"))], "DAT333"),
    "ratio": ([("a.npy", npy("(40, 10000000)", body=b"\0" * 100_000_000))], "DAT335"),
    "entries": ([(f"a{i}.npy", npy("(1,)", body=b"\0" * 8)) for i in range(1500)], "DAT335"),
    "no array": ([("a.npy", b"hello")], "DAT333"),
}


@pytest.mark.parametrize("kind", NPZ)
def test_archives_of_arrays(tmp_path, kind):
    """Entries, their ratio, pickled objects and headers that lie are refused from the headers alone."""
    entries, code = NPZ[kind]
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    refused(Npz(path=tmp_path / "a.npz"), code)


def test_names_in_an_archive_lead_nowhere(tmp_path):
    """An entry called `../../x` is a column of that name; nothing is written."""
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("../../escaped.npy", npy("(3,)", body=b"\0" * 24))
    assert Npz(path=tmp_path / "a.npz").open().num_samples == 3
    assert not list(tmp_path.parent.glob("**/escaped*"))


def test_parquet_of_repeated_values(tmp_path):
    """Rows and texts that are stored once and promised a million times."""
    pl = pytest.importorskip("polars")
    one = pl.DataFrame({"a": [0], "b": ["x"]})
    pl.concat([one.select(pl.all().repeat_by(50_000_000).explode())]).write_parquet(tmp_path / "rows.parquet")
    refused(Parquet(path=tmp_path / "rows.parquet"), "DAT333")
    text = pl.Series(["x" * 500_000]).new_from_index(0, 10_000)
    pl.DataFrame({"a": range(10_000), "b": text.cast(pl.Categorical)}).write_parquet(
        tmp_path / "texts.parquet"
    )
    refused(Parquet(path=tmp_path / "texts.parquet"), "DAT335")


def test_hdf5_that_stores_nothing(tmp_path):
    """A dataset of a terabyte without a stored byte, and one in another file."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("a", (1_000_000, 1_000_000), "f8", chunks=(1, 1000))
    refused(Hdf5(path=tmp_path / "a.h5"), "DAT335")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["a"] = h5py.ExternalLink("/etc/passwd", "/")
    refused(Hdf5(path=tmp_path / "b.h5"), "DAT335")


JSONL = {
    "keys": "".join(json.dumps({f"k{i}": 1}) + "\n" for i in range(20_000)),
    "deep": '{"a":' + "[" * 100_000 + "]" * 100_000 + "}\n",
    "digits": '{"a":' + "9" * 100_000 + "}\n",
    "long": '{"a":"' + "x" * 70_000_000 + '"}',
}


@pytest.mark.parametrize("kind", JSONL)
def test_lines_of_json(tmp_path, kind):
    """Keys that no two lines share, depth, digits, and a line without an end."""
    (tmp_path / "a.jsonl").write_text(JSONL[kind])
    refused(Jsonl(path=tmp_path / "a.jsonl"), "DAT333")


@pytest.mark.parametrize(
    "text", [",".join(["c"] * 300_000) + "\n", "a" * 20_000_000], ids=["wide", "endless"]
)
def test_tables_of_text(tmp_path, text):
    """A header of hundreds of thousands of columns, and one without an end."""
    (tmp_path / "a.csv").write_text(text)
    refused(Csv(path=tmp_path / "a.csv"), "DAT333")


@pytest.mark.parametrize("source", [Csv, Npz, Parquet, Hdf5, Jsonl])
def test_only_regular_files_are_read(tmp_path, source):
    """A pipe or a device is no data: reading it might never end."""
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", "/dev/zero"):
        refused(source.model_construct(path=type(tmp_path)(place), separator=",", group="/"), "DAT312")


def png(side):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    )


def gif(side):
    size = struct.pack("<HH", side, side)
    return b"GIF89a" + size + b"\0\0\0," + b"\0" * 4 + size + b"\0\x02\x02L\x01\0;"


def tiff(side):
    entries = [
        (256, 4, side),
        (257, 4, side),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (279, 4, 1),
    ]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries)) + body + b"\0" * 4


PICTURES = {
    "png": png(50_000),
    "png just above": png(int(MAX_PIXELS**0.5) + 10),
    "gif": gif(60_000),
    "tiff": tiff(100_000),
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", PICTURES)
def test_pictures(tmp_path, kind):
    """Pixels are counted from the header, and formats that run programs are not opened at all."""
    file = tmp_path / "a.png"
    file.write_bytes(PICTURES[kind])
    for value in (file, PICTURES[kind]):
        with pytest.raises(ProblemError) as caught:
            decode([value], Decoding(frame=Frame((8, 8))))
        assert caught.value.problem.code == "DAT311"


def test_large_pictures_are_kept_small_one_after_the_other(tmp_path):
    """Twenty pictures of 36 million pixels never stand in memory at once."""
    from PIL import Image

    Image.new("L", (6000, 6000)).save(tmp_path / "a.png")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = decode([tmp_path / "a.png"] * 20, Decoding(1, Frame((8, 8))))
    assert found.shape == (20, 1, 8, 8)
    assert not np.any(found)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB
