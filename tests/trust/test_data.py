"""Threat model, line "data": what promises more than it holds is refused before it is unpacked."""

from __future__ import annotations

import bz2
import contextlib
import encodings
import encodings.aliases
import gzip
import json
import lzma
import os
import pickle
import pkgutil
import resource
import struct
import time
import zipfile
import zlib

import numpy as np
import pytest

from declare.components.fields._decoding import Decoding, Frame
from declare.components.fields._images import MAX_PIXELS
from declare.components.fields._pixels import decode
from declare.components.fields.category import Category
from declare.components.sources import _hdf5_limits, _parquet_limits, jsonl
from declare.components.sources._json_objects import _unique_keys
from declare.components.sources._lines import twice
from declare.components.sources.csv import Csv
from declare.components.sources.hdf5 import Hdf5
from declare.components.sources.jsonl import Jsonl
from declare.components.sources.npz import Npz
from declare.components.sources.parquet import Parquet
from declare.components.sources.text import Text
from declare.components.sources.torchvision import Torchvision
from declare.contract.problem import ProblemError
from declare.contract.text_column import TextColumn
from declare.system import out_of_memory
from tests.trust.hostile_data import overlapped


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


def test_lines_of_json_that_lack_their_cells_are_refused_as_they_come(tmp_path, monkeypatch):
    """Objects without keys end the reading long before the end of the file."""
    monkeypatch.setattr(jsonl, "_SMALL", 1000)
    (tmp_path / "a.jsonl").write_text('{"a": 1, "b": 2}\n' + "{}\n" * 5000)
    with pytest.raises(ProblemError) as caught:
        Jsonl(path=tmp_path / "a.jsonl").open()
    assert caught.value.problem.notes == ("601 lines name 2 columns in 2 cells: keys differ",)


@pytest.mark.parametrize(
    "text", [",".join(["c"] * 300_000) + "\n", "a" * 20_000_000], ids=["wide", "endless"]
)
def test_tables_of_text(tmp_path, text):
    """A header of hundreds of thousands of columns, and one without an end."""
    (tmp_path / "a.csv").write_text(text)
    refused(Csv(path=tmp_path / "a.csv"), "DAT333")


PACKED = {
    "gzip": gzip.compress(b"a,b\n1,2\n"),
    "zlib": zlib.compress(b"a,b\n1,2\n"),
    "bzip2": bz2.compress(b"a,b\n1,2\n"),
    "xz": lzma.compress(b"a,b\n1,2\n"),
    "Zstandard": b"\x28\xb5\x2f\xfd" + bytes(8),
    "zip": b"PK\x03\x04" + bytes(40),
}


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("source", [Csv, Jsonl])
def test_compressed_tables_are_refused_by_name(tmp_path, source, kind):
    """What a compressed file unpacks to is not known before: it is not begun with, whatever it is called."""
    (tmp_path / "t.csv").write_bytes(PACKED[kind])
    with pytest.raises(ProblemError) as caught:
        source(path=tmp_path / "t.csv").open()
    assert caught.value.problem.code == "DAT333"
    assert caught.value.problem.notes == (f"it is compressed with {kind}: unpack it first",)


WIDE = "a," + ",".join(f"c{n}" for n in range(1000)) + "\n"
TABLES = {
    "short rows": (WIDE + "1\n" * 50_000, "line 2 has 1 cell, but the header has 1001"),
    "short quoted rows": (WIDE + '"1"\n' * 50_000, "line 2 has 1 cell, but the header has 1001"),
    "blank lines": (
        WIDE + "1" + "," * 1000 + "\n" * 50_000,
        "50,001 lines contain 2,001 cells, but the header names 1,001",
    ),
    "line ends": ("a,b\n" + "\n" * 11_000_000, "11,000,001 lines contain"),
    "a long line": ("a,b\n1," + "x" * (17 << 20) + "\n", "line 2 has more than 16 MiB"),
    "a long cell": (
        'a,b\n1,2\n3,"' + "x\n" * (9 << 20) + '"\n',
        "line 3 has more than 16 MiB: a quotation mark",
    ),
    "an open quote": ('a,b\n1,2\n3,"x\n' + "4,y\n" * 50, "the row from line 3 on never ends"),
    "a quote in a cell": ('a,b\n1,5" pipe\n2,x\n', "the row from line 2 on never ends"),
}


@pytest.mark.parametrize("kind", TABLES)
def test_tables_larger_in_memory_than_their_bytes_are_refused_unread(tmp_path, monkeypatch, kind):
    """Rows without most of their cells, lines and cells without an end: all by counting bytes."""
    content, said = TABLES[kind]
    (tmp_path / "t.csv").write_text(content)
    monkeypatch.setattr("polars.read_csv", None)
    with pytest.raises(ProblemError) as caught:
        Csv(path=tmp_path / "t.csv").open()
    assert caught.value.problem.code == "DAT333"
    assert said in caught.value.problem.notes[0]


@pytest.mark.parametrize(("free", "limit"), [(1000, None), (1 << 40, 1 << 30)])
def test_a_table_that_memory_cannot_hold_is_refused_unread(tmp_path, monkeypatch, free, limit):
    """The machine's memory and `ulimit -v` are asked first: the library would end the process."""
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n" * 1000)
    monkeypatch.setattr("polars.read_csv", None)
    monkeypatch.setattr(out_of_memory, "available_memory", lambda: free)
    monkeypatch.setattr(out_of_memory, "address_limit", lambda: limit)
    monkeypatch.setattr(out_of_memory, "has_room", lambda size: size < 1000)
    with pytest.raises(MemoryError, match="the table takes"):
        Csv(path=tmp_path / "t.csv")._read()


def test_many_columns_take_memory_without_cells(tmp_path, monkeypatch):
    """A header of 90,000 names takes half a GB before there is a row; all copies of it must fit."""
    (tmp_path / "t.csv").write_text(",".join(f"c{number}" for number in range(90_000)) + "\n")
    monkeypatch.setattr("polars.read_csv", None)
    monkeypatch.setattr(out_of_memory, "address_limit", lambda: 1 << 31)
    monkeypatch.setattr(out_of_memory, "has_room", lambda size: size < 1 << 30)
    with pytest.raises(MemoryError, match="the table takes"):
        Csv(path=tmp_path / "t.csv")._read()


def test_entries_of_an_archive_that_share_their_bytes(tmp_path):
    """A directory that names one entry many times promises more than the file holds."""
    overlapped(tmp_path / "a.npz", 60)
    refused(Npz(path=tmp_path / "a.npz"), "DAT335")


def write_parquet(path, **columns):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table(columns), path, compression="zstd", use_dictionary=False)


PARQUET = {
    "packed texts": lambda pa: {"a": ["x" * 1_000_000] * 5},
    "packed numbers": lambda pa: {"a": np.zeros(1_000_000)},
    "a long list": lambda pa: {"a": [np.zeros(1_000_000, np.int32)]},
    "a wide structure": lambda pa: {
        "a": pa.StructArray.from_arrays([pa.array(np.zeros(10_000))] * 100, [f"c{n}" for n in range(100)])
    },
    "texts of one length": lambda pa: {"a": pa.array([b"x" * 10_000] * 1000, pa.binary(10_000))},
}


@pytest.mark.parametrize("kind", PARQUET)
def test_parquet_is_measured_by_its_headers(tmp_path, monkeypatch, kind):
    """Pages, values of nested columns and of fixed length are counted before any page is unpacked."""
    pa = pytest.importorskip("pyarrow")
    write_parquet(tmp_path / "t.parquet", **PARQUET[kind](pa))
    monkeypatch.setattr(_parquet_limits, "MOST_BYTES", 1 << 20)
    with pytest.raises(ValueError, match=r"it unpacks to .* GB from"):
        _parquet_limits.refuse_large(tmp_path / "t.parquet")


def test_a_footer_does_not_vouch_for_the_pages(tmp_path, monkeypatch):
    """Sizes are those of the pages' own headers where the footer says less."""
    write_parquet(tmp_path / "t.parquet", a=["x" * 1_000_000] * 5)
    monkeypatch.setattr(_parquet_limits, "MOST_BYTES", 1 << 20)
    real = _parquet_limits._footer

    def lying(*arguments):
        footer = real(*arguments)
        for column in footer[4][0][1]:
            column[3] |= {5: 1, 6: 10}
        return footer

    monkeypatch.setattr(_parquet_limits, "_footer", lying)
    with pytest.raises(ValueError, match="it unpacks to"):
        _parquet_limits.refuse_large(tmp_path / "t.parquet")


@pytest.mark.parametrize("damage", ["cut", "header", "footer", "none"])
def test_damaged_parquet_is_a_finding(tmp_path, damage):
    """Whatever its headers hold, they are read within the file or refused."""
    pl = pytest.importorskip("polars")
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": range(1000), "b": ["x", "y"] * 500}).write_parquet(path)
    content = bytearray(path.read_bytes())
    cut = {"cut": content[:200], "header": content[:4] + b"\xff" * 60 + content[64:], "none": content}
    size = int.from_bytes(content[-8:-4], "little")
    cut["footer"] = content[: -8 - size] + b"\x19\xfc" * (size // 2) + content[-8 - size % 2 :]
    path.write_bytes(cut[damage])
    if damage == "none":
        read_all(Parquet(path=path))
    else:
        refused(Parquet(path=path), "DAT333")


def chunked(path, shape, chunk, data, **how):
    """Write a dataset with one chunk as it is given."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        item = file.create_dataset("a", shape, "u1", chunks=chunk, **how)
        item.id.write_direct_chunk((0,) * len(shape), data)


def test_hdf5_chunks_that_unpack_to_more_than_their_data(tmp_path):
    """A chunk larger than its dataset, a stream longer than its chunk, two compressions, many empty datasets."""
    h5py = pytest.importorskip("h5py")
    bomb = zlib.compress(bytes(50_000_000), 9)
    chunked(tmp_path / "1.h5", (4,), (1 << 28,), bomb, maxshape=(None,), compression="gzip")
    refused(Hdf5(path=tmp_path / "1.h5"), "DAT335")
    chunked(tmp_path / "2.h5", (1 << 16,), (1 << 16,), bomb, compression="gzip")
    refused(Hdf5(path=tmp_path / "2.h5"), "DAT335")
    with h5py.File(tmp_path / "3.h5", "w") as file:
        steps = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        steps.set_chunk((10,))
        steps.set_deflate(9)
        steps.set_deflate(9)
        h5py.h5d.create(file.id, b"a", h5py.h5t.STD_U8LE, h5py.h5s.create_simple((10,)), steps)
    refused(Hdf5(path=tmp_path / "3.h5"), "DAT335")
    with h5py.File(tmp_path / "4.h5", "w") as file:
        for number in range(20):
            file.create_dataset(f"c{number}", (1 << 21,), "f8", chunks=(1 << 10,))
    refused(Hdf5(path=tmp_path / "4.h5"), "DAT335")


def test_honest_hdf5_chunks_are_read(tmp_path):
    """Every filter that writers use, and chunks on several axes, rows in any order."""
    h5py = pytest.importorskip("h5py")
    values = np.random.default_rng(0).integers(0, 9, (50, 30))
    packings = (
        *({"compression": "gzip", "shuffle": True, "fletcher32": True}, {"compression": "lzf"}, {}),
        {"compression": "gzip", "scaleoffset": 4},
    )
    for number, how in enumerate(packings):
        with h5py.File(tmp_path / f"{number}.h5", "w") as file:
            file.create_dataset("a", data=values, chunks=(8, 7), **how)
        reader = Hdf5(path=tmp_path / f"{number}.h5").open()
        assert (reader.read("a", np.array([49, 3, 7])) == values[[49, 3, 7]]).all()
        assert (reader.read("a") == values).all()


def test_hdf5_texts_stored_once_and_named_often(tmp_path, monkeypatch):
    """References to one long text are not copied out without end."""
    h5py = pytest.importorskip("h5py")
    monkeypatch.setattr(_hdf5_limits, "_ALL_BYTES", 1 << 20)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        kind = h5py.string_dtype()
        file.create_dataset("a", data=["x" * 100_000] + ["y"] * 999, dtype=kind)
    assert Hdf5(path=tmp_path / "a.h5").open().read("a")[999] == "y"
    content = (tmp_path / "a.h5").read_bytes()
    with h5py.File(tmp_path / "a.h5") as file:
        start = file["a"].id.get_offset()
    (tmp_path / "b.h5").write_bytes(
        content[:start] + content[start : start + 16] * 1000 + content[start + 16000 :]
    )
    refused(Hdf5(path=tmp_path / "b.h5"), "DAT335")


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


IMAGES = {
    "png": png(50_000),
    "png just above": png(int(MAX_PIXELS**0.5) + 10),
    "gif": gif(60_000),
    "tiff": tiff(100_000),
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", IMAGES)
def test_images(tmp_path, kind):
    """Pixels are counted from the header, and formats that run programs are not opened at all."""
    file = tmp_path / "a.png"
    file.write_bytes(IMAGES[kind])
    for value in (file, IMAGES[kind]):
        with pytest.raises(ProblemError) as caught:
            decode([value], Decoding(frame=Frame((8, 8))))
        assert caught.value.problem.code == "DAT311"


def test_large_images_are_kept_small_one_after_the_other(tmp_path):
    """Twenty images of 36 million pixels never stand in memory at once."""
    from PIL import Image

    Image.new("L", (6000, 6000)).save(tmp_path / "a.png")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = decode([tmp_path / "a.png"] * 20, Decoding(1, Frame((8, 8))))
    assert found.shape == (20, 1, 8, 8)
    assert not np.any(found)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kB


def idx(kind, sizes, body):
    return bytes([0, 0, kind, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + body


PIXELS, LABELS = idx(8, (4, 28, 28), bytes(4 * 784)), idx(8, (4,), bytes(4))
MNIST = {
    "more images than bytes": (idx(8, (1 << 30, 1 << 15, 1 << 15), bytes(99)), LABELS),
    "a number type that is none": (idx(0x77, (4, 28, 28), bytes(99)), LABELS),
    "labels beyond the classes": (PIXELS, idx(8, (4,), b"\xff" * 4)),
    "labels below 0": (PIXELS, idx(9, (4,), b"\xff" * 4)),
    "fewer labels than images": (PIXELS, idx(8, (2,), bytes(2))),
    "a pickle": (pickle.dumps({}), LABELS),
    "nothing": (b"", b""),
}


@pytest.mark.parametrize("name", MNIST)
def test_data_sets_of_torchvision_are_checked(tmp_path, name):
    """The library believes what a file says of itself: what does not fit is a finding."""
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for part in ("train", "t10k"):
        for kind, content in zip(("images-idx3", "labels-idx1"), MNIST[name], strict=True):
            (folder / f"{part}-{kind}-ubyte").write_bytes(content)
    refused(Torchvision(name="MNIST", root=tmp_path), "DAT333")


class Counted(str):
    """A text that counts how often it is compared."""

    __slots__ = ()
    compared = 0

    def __eq__(self, other):
        Counted.compared += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


@pytest.mark.parametrize("search", [twice, lambda names: _unique_keys([(name, 1) for name in names])])
def test_a_name_that_occurs_twice_is_searched_for_in_one_pass(search):
    """Of a hundred thousand names, which a line may hold, each is compared with a few others, not with all."""
    names = [Counted(f"c{number}") for number in range(20_000)]
    Counted.compared = 0
    with contextlib.suppress(ValueError):
        search([*names, Counted("c19999")])
    assert Counted.compared < 10 * len(names)


def test_texts_that_nearly_all_differ_are_counted_in_one_pass(tmp_path):
    """A column of 200,000 different labels is refused within the time that reading takes."""
    start = time.process_time()
    with pytest.raises(ProblemError) as caught:
        Category().infer_facts(TextColumn.of(f"class{number}" for number in range(200_000)))
    assert caught.value.problem.code == "DAT339"
    assert time.process_time() - start < 10


CODECS = sorted(
    {*encodings.aliases.aliases.values(), *(item.name for item in pkgutil.iter_modules(encodings.__path__))}
)


@pytest.mark.parametrize("kind", [Csv, Jsonl, Text])
def test_every_encoding_of_python_is_read_or_refused(tmp_path, kind):
    """Codecs that are none of texts, that fail on all or take no text of ours are findings; so are odd names."""
    (tmp_path / "t").write_bytes(b'{"a": 1}\n{"a": "\\u0041\\N{DIGIT ONE}+AGE-"}\n')
    for name in (*CODECS, "a\0b", "../utf-8", "\ud800"):
        source = kind(path=tmp_path / "t", encoding=name)
        if not list(source.check()):
            with contextlib.suppress(ProblemError):
                read_all(source)
