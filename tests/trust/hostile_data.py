"""Data files of strangers for every source: small on disk, large in memory, or damaged.

`python -m tests.trust.measuring_data` writes and measures them.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

MB = 1 << 20
NUMBERS = "{a: {type: number}, label: {type: category}}"
Write = Callable[[Path], str]
"""Writes the files of a case into a folder and returns the block of the source."""
CASES: dict[str, tuple[Write, str]] = {}


def case(name: str, fields: str = NUMBERS) -> Callable[[Write], Write]:
    """Return what notes a case by its name."""

    def note(write: Write) -> Write:
        CASES[name] = (write, fields)
        return write

    return note


def chunks(head: bytes, row: bytes, size: int, tail: bytes = b"") -> Iterator[bytes]:
    """Yield a header and one row again and again, `size` bytes in all."""
    yield head
    many = row * (MB // len(row) + 1)
    for _ in range(size // len(many)):
        yield many
    yield tail


def packed(path: Path, parts: Iterator[bytes], opener: Callable[..., object] = gzip.open) -> None:
    """Write parts through a compressor."""
    with opener(path, "wb") as file:
        for part in parts:
            file.write(part)


def zstd_frame(size: int) -> bytes:
    """Return a Zstandard frame of so many zeros, written by hand: blocks that repeat one byte."""
    block = 128 << 10
    one = struct.pack("<I", block << 3 | 1 << 1)[:3] + b"1"
    last = struct.pack("<I", block << 3 | 1 << 1 | 1)[:3] + b"1"
    return struct.pack("<IBB", 0xFD2FB528, 0, 0x58) + one * (size // block - 1) + last


# -- text tables --------------------------------------------------------------------------------------------


@case("csv gzip 1 GB")
def _(folder: Path) -> str:
    packed(folder / "t.csv.gz", chunks(b"a,label\n", b"1,x\n", 1 << 30))
    return "{type: csv, path: t.csv.gz}"


@case("csv gzip of blanks 4 GB, called .csv")
def _(folder: Path) -> str:
    packed(folder / "t.csv", chunks(b"a,label\n", b" " * 4096, 4 << 30, b"\n1,x\n"))
    return "{type: csv, path: t.csv}"


@case("csv gzip of gzip")
def _(folder: Path) -> str:
    packed(folder / "in", chunks(b"a,label\n", b"1,x\n", 1 << 30))
    (folder / "t.csv.gz").write_bytes(gzip.compress((folder / "in").read_bytes()))
    (folder / "in").unlink()
    return "{type: csv, path: t.csv.gz}"


@case("csv zlib 1 GB")
def _(folder: Path) -> str:
    pack = zlib.compressobj(9)
    with (folder / "t.csv").open("wb") as file:
        for part in chunks(b"a,label\n", b"1,x\n", 1 << 30):
            file.write(pack.compress(part))
        file.write(pack.flush())
    return "{type: csv, path: t.csv}"


@case("csv zstd 2 GB")
def _(folder: Path) -> str:
    (folder / "t.csv.zst").write_bytes(zstd_frame(2 << 30))
    return "{type: csv, path: t.csv.zst}"


@case("csv bz2 1 GB")
def _(folder: Path) -> str:
    packed(folder / "t.csv.bz2", chunks(b"a,label\n", b"1,x\n", 1 << 28), bz2.open)
    return "{type: csv, path: t.csv.bz2}"


@case("csv xz 1 GB")
def _(folder: Path) -> str:
    packed(folder / "t.csv.xz", chunks(b"a,label\n", b"1,x\n", 1 << 28), lzma.open)
    return "{type: csv, path: t.csv.xz}"


@case("csv zip 1 GB")
def _(folder: Path) -> str:
    with zipfile.ZipFile(folder / "t.csv.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("t.csv", b"a,label\n" + b"1,x\n" * (1 << 26))
    return "{type: csv, path: t.csv.zip}"


@case("csv short rows below a wide header")
def _(folder: Path) -> str:
    names = ",".join(f"c{n}" for n in range(500))
    (folder / "t.csv").write_text(f"a,label,{names}\n" + "1,x\n" * 1_000_000)
    return "{type: csv, path: t.csv}"


@case("csv short quoted rows below a wide header")
def _(folder: Path) -> str:
    names = ",".join(f"c{n}" for n in range(500))
    (folder / "t.csv").write_text(f"a,label,{names}\n" + '1,"x"\n' * 700_000)
    return "{type: csv, path: t.csv}"


@case("csv blank lines below a wide header")
def _(folder: Path) -> str:
    names = ",".join(f"c{n}" for n in range(1000))
    (folder / "t.csv").write_text(f"a,label,{names}\n1,x" + "," * 1000 + "\n" + "\n" * 4_000_000)
    return "{type: csv, path: t.csv}"


@case("csv one line of 400 MB")
def _(folder: Path) -> str:
    with (folder / "t.csv").open("wb") as file:
        file.writelines(chunks(b"a,label\n1,", b"x" * 4096, 400 << 20, b"\n"))
    return "{type: csv, path: t.csv}"


@case("csv one line of 400 MB of cells")
def _(folder: Path) -> str:
    with (folder / "t.csv").open("wb") as file:
        file.writelines(chunks(b"a,label\n1,", b"," * 4096, 400 << 20, b"\n"))
    return "{type: csv, path: t.csv}"


@case("csv unclosed quote, 400 MB")
def _(folder: Path) -> str:
    with (folder / "t.csv").open("wb") as file:
        file.writelines(chunks(b'a,label\n1,"x\n', b"1,x\n", 400 << 20))
    return "{type: csv, path: t.csv}"


@case("csv quotes only, 40 MB")
def _(folder: Path) -> str:
    (folder / "t.csv").write_bytes(b"a,label\n" + b'"' * 40_000_000)
    return "{type: csv, path: t.csv}"


@case("csv of line ends only, 100 MB")
def _(folder: Path) -> str:
    (folder / "t.csv").write_bytes(b"a,label\n" + b"\n" * 100_000_000)
    return "{type: csv, path: t.csv}"


@case("csv of separators only, 100 MB")
def _(folder: Path) -> str:
    (folder / "t.csv").write_bytes(b"a,label" + b",b" * 98 + b"\n" + (b"," * 99 + b"\n") * 1_000_000)
    return "{type: csv, path: t.csv}"


@case("csv of separators only, distinct names")
def _(folder: Path) -> str:
    names = ",".join(f"c{n}" for n in range(98))
    (folder / "t.csv").write_bytes(b"a,label," + names.encode() + b"\n" + (b"," * 99 + b"\n") * 1_000_000)
    return "{type: csv, path: t.csv}"


@case("csv of carriage returns")
def _(folder: Path) -> str:
    (folder / "t.csv").write_bytes(b"a,label\r" + b"1,x\r" * 10_000_000)
    return "{type: csv, path: t.csv}"


@case("csv sparse 8 GB")
def _(folder: Path) -> str:
    with (folder / "t.csv").open("wb") as file:
        file.write(b"a,label\n1,x\n")
        file.truncate(8 << 30)
    return "{type: csv, path: t.csv}"


@case("csv punycode")
def _(folder: Path) -> str:
    (folder / "t.csv").write_bytes(b"a,label\n" + b"1,x\n" * 10_000 + b"-" + b"z" * 400_000)
    return "{type: csv, path: t.csv, encoding: punycode}"


@case("csv of many columns, 100 MB")
def _(folder: Path) -> str:
    names = ",".join(f"c{n}" for n in range(50_000))
    (folder / "t.csv").write_bytes(
        b"a,label," + names.encode() + b"\n" + (b"1,x" + b"," * 50_000 + b"\n") * 1000
    )
    return "{type: csv, path: t.csv}"


# -- JSON lines ---------------------------------------------------------------------------------------------


@case("jsonl gzip")
def _(folder: Path) -> str:
    packed(folder / "t.jsonl.gz", chunks(b"", b'{"a": 1, "label": "x"}\n', 1 << 30))
    return "{type: jsonl, path: t.jsonl.gz}"


@case("jsonl empty lists 60 MB")
def _(folder: Path) -> str:
    row = '{"a": 1, "label": "x", "b": [' + ",".join(["[]"] * 1000) + "]}\n"
    (folder / "t.jsonl").write_text(row * 20_000)
    return "{type: jsonl, path: t.jsonl}"


@case("jsonl empty objects 90 MB")
def _(folder: Path) -> str:
    (folder / "t.jsonl").write_text('{"a": 1, "label": "x"}\n' + "{}\n" * 30_000_000)
    return "{type: jsonl, path: t.jsonl}"


@case("jsonl keys differ")
def _(folder: Path) -> str:
    (folder / "t.jsonl").write_text("".join(f'{{"a":1,"label":"x","k{n}":1}}\n' for n in range(100_000)))
    return "{type: jsonl, path: t.jsonl}"


@case("jsonl a line of 400 MB")
def _(folder: Path) -> str:
    with (folder / "t.jsonl").open("wb") as file:
        file.writelines(chunks(b'{"a":"', b"x" * 4096, 400 << 20))
    return "{type: jsonl, path: t.jsonl}"


# -- arrays -------------------------------------------------------------------------------------------------


@case("npz zeros 2 GB")
def _(folder: Path) -> str:
    npz(folder / "t.npz", [("a.npy", npy((1 << 28,), 1 << 31)), ("label.npy", npy((1 << 28,), 1 << 31))])
    return "{type: npz, path: t.npz}"


@case("npz ninety times its size")
def _(folder: Path) -> str:
    noise = np.random.default_rng(0).integers(0, 256, 11 * MB, np.uint8).tobytes()
    npz(folder / "t.npz", [("a.npy", npy((1 << 27,), (1 << 30) - len(noise), noise))])
    return "{type: npz, path: t.npz}"


@case("npz overlapping entries")
def _(folder: Path) -> str:
    overlapped(folder / "t.npz", 900)
    return "{type: npz, path: t.npz}"


@case("npz stored, sparse 8 GB")
def _(folder: Path) -> str:
    with zipfile.ZipFile(folder / "t.npz", "w") as archive:
        archive.writestr("a.npy", b"".join(npy((4,), 32)))
    with (folder / "t.npz").open("r+b") as file:
        file.truncate(8 << 30)
    return "{type: npz, path: t.npz}"


def npy(shape: tuple[int, ...], zeros: int, more: bytes = b"") -> Iterator[bytes]:
    """Yield an array file: header, zeros, further bytes."""
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    yield b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text
    for start in range(0, zeros, 16 * MB):
        yield bytes(min(16 * MB, zeros - start))
    yield more


def npz(path: Path, entries: list[tuple[str, Iterator[bytes]]]) -> None:
    """Write a compressed archive of arrays."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, parts in entries:
            with archive.open(name, "w", force_zip64=True) as file:
                for part in parts:
                    file.write(part)


def overlapped(path: Path, count: int) -> None:
    """Write an archive whose directory names one compressed entry many times."""
    npz(path, [("a.npy", npy((1 << 22,), 1 << 25))])
    content = path.read_bytes()
    (start,) = struct.unpack("<I", content[-6:-2])
    entry = content[start:-22]
    again = b"".join(entry.replace(b"a.npy", f"b{n:03}.npy".encode()[:5]) for n in range(count))
    size = len(again)
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, size, start, 0)
    path.write_bytes(content[:start] + again + end)


@case("hdf5 zeros 4 GB in one chunk", "{a: {type: vector}, label: {type: category}}")
def _(folder: Path) -> str:
    import h5py

    with h5py.File(folder / "t.h5", "w") as file:
        chunk = (4, 1 << 27)
        item = file.create_dataset("a", (4, 1 << 27), "u1", chunks=chunk, compression="gzip")
        item.id.write_direct_chunk((0, 0), zlib.compress(bytes(1 << 29), 9))
        file["label"] = np.arange(4)
    return "{type: hdf5, path: t.h5}"


@case("hdf5 a chunk far larger than its data")
def _(folder: Path) -> str:
    import h5py

    with h5py.File(folder / "t.h5", "w") as file:
        for name in ("a", "label"):
            item = file.create_dataset(
                name, (4,), "u1", chunks=(1 << 30,), maxshape=(None,), compression="gzip"
            )
            pack = zlib.compressobj(9)
            parts = [pack.compress(bytes(1 << 24)) for _ in range(64)]
            item.id.write_direct_chunk((0,), b"".join([*parts, pack.flush()]))
    return "{type: hdf5, path: t.h5}"


@case("hdf5 a stream that outgrows its chunk")
def _(folder: Path) -> str:
    import h5py

    with h5py.File(folder / "t.h5", "w") as file:
        for name in ("a", "label"):
            item = file.create_dataset(name, (1 << 16,), "u1", chunks=(1 << 16,), compression="gzip")
            pack = zlib.compressobj(9)
            parts = [pack.compress(bytes(1 << 24)) for _ in range(128)]
            item.id.write_direct_chunk((0,), b"".join([*parts, pack.flush()]))
    return "{type: hdf5, path: t.h5}"


@case("hdf5 nothing stored")
def _(folder: Path) -> str:
    import h5py

    with h5py.File(folder / "t.h5", "w") as file:
        file.create_dataset("a", (1 << 32,), "f8", chunks=(1 << 10,))
        file.create_dataset("label", (1 << 32,), "u1", chunks=(1 << 10,))
    return "{type: hdf5, path: t.h5}"


@case("hdf5 many datasets that store nothing")
def _(folder: Path) -> str:
    import h5py

    with h5py.File(folder / "t.h5", "w") as file:
        for number in range(500):
            file.create_dataset(f"c{number}", (1 << 23,), "f8", chunks=(1 << 10,))
        file["a"] = file["c0"]
        file["label"] = file["c1"]
    return "{type: hdf5, path: t.h5}"


# -- Parquet ------------------------------------------------------------------------------------------------


@case("parquet texts packed to nothing", "{a: {type: text}, label: {type: category}}")
def _(folder: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"a": ["x" * (1 << 27) for _ in range(8)], "label": list("xy" * 4)})
    pq.write_table(table, folder / "t.parquet", compression="zstd", use_dictionary=False)
    return "{type: parquet, path: t.parquet}"


@case("parquet one list of 300 million numbers", "{a: {type: vector}, label: {type: category}}")
def _(folder: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    values = pa.array(np.zeros(300_000_000, np.int32))
    lists = pa.ListArray.from_arrays(pa.array([0, 150_000_000, 300_000_000], pa.int32()), values)
    pq.write_table(pa.table({"a": lists, "label": ["x", "y"]}), folder / "t.parquet", compression="zstd")
    return "{type: parquet, path: t.parquet}"


@case("parquet of a wide structure")
def _(folder: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    one = pa.array(np.zeros(200_000, np.int64))
    wide = pa.StructArray.from_arrays([one] * 1000, [f"c{n}" for n in range(1000)])
    table = pa.table({"a": one, "label": one, "w": wide})
    pq.write_table(table, folder / "t.parquet", compression="zstd")
    return "{type: parquet, path: t.parquet}"


@case("parquet rows promised")
def _(folder: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    zeros = pa.array(np.zeros(200_000_000, np.int8))
    pq.write_table(pa.table({"a": zeros, "label": zeros}), folder / "t.parquet", compression="zstd")
    return "{type: parquet, path: t.parquet}"


# -- the `datasets` library ---------------------------------------------------------------------------------


@case("huggingface csv gzip")
def _(folder: Path) -> str:
    packed(folder / "t.csv", chunks(b"a,label\n", b"1,x\n", 1 << 30))
    return "{type: huggingface, path: t.csv}"


@case("huggingface csv short rows")
def _(folder: Path) -> str:
    names = ",".join(f"c{n}" for n in range(500))
    (folder / "t.csv").write_text(f"a,label,{names}\n" + "1,x\n" * 1_000_000)
    return "{type: huggingface, path: t.csv}"


@case("huggingface csv one line of 400 MB")
def _(folder: Path) -> str:
    with (folder / "t.csv").open("wb") as file:
        file.writelines(chunks(b"a,label\n1,", b"x" * 4096, 400 << 20, b"\n"))
    return "{type: huggingface, path: t.csv}"


@case("huggingface json gzip")
def _(folder: Path) -> str:
    packed(folder / "t.jsonl", chunks(b"", b'{"a": 1, "label": "x"}\n', 1 << 30))
    return "{type: huggingface, path: t.jsonl}"


@case("huggingface json keys differ")
def _(folder: Path) -> str:
    (folder / "t.jsonl").write_text("".join(f'{{"a":1,"label":"x","k{n}":1}}\n' for n in range(50_000)))
    return "{type: huggingface, path: t.jsonl}"


@case("huggingface parquet texts packed to nothing", "{a: {type: text}, label: {type: category}}")
def _(folder: Path) -> str:
    CASES["parquet texts packed to nothing"][0](folder)
    return "{type: huggingface, path: t.parquet}"


@case("huggingface arrow, packed buffers", "{a: {type: text}, label: {type: category}}")
def _(folder: Path) -> str:
    import pyarrow as pa

    table = pa.table({"a": ["x" * (1 << 27) for _ in range(8)], "label": list("xy" * 4)})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(str(folder / "t.arrow"), table.schema, options=options) as writer:
        writer.write_table(table)
    return "{type: huggingface, path: t.arrow}"


@case("huggingface text gzip", "{a: {type: text, column: text}, label: {type: category, column: text}}")
def _(folder: Path) -> str:
    packed(folder / "t.txt", chunks(b"", b"word word\n", 1 << 30))
    return "{type: huggingface, path: t.txt}"


# -- texts and images -------------------------------------------------------------------------------------


@case("text of line ends, 100 MB", "{a: {type: text, column: text}, label: {type: category, column: text}}")
def _(folder: Path) -> str:
    (folder / "t.txt").write_bytes(b"a word\n" * 3 + b"\n" * 100_000_000)
    return "{type: text, path: t.txt}"


@case("text gzip", "{a: {type: text, column: text}, label: {type: category, column: text}}")
def _(folder: Path) -> str:
    packed(folder / "t.txt", chunks(b"", b"word word\n", 1 << 30))
    return "{type: text, path: t.txt}"


@case("text sparse 8 GB", "{a: {type: text, column: text}, label: {type: category, column: text}}")
def _(folder: Path) -> str:
    with (folder / "t.txt").open("wb") as file:
        file.write(b"a word\n")
        file.truncate(8 << 30)
    return "{type: text, path: t.txt}"


@case("images of 4 gigapixels", "{a: {type: image}, label: {type: category}}")
def _(folder: Path) -> str:
    for name in "xy":
        (folder / "p" / name).mkdir(parents=True)
        for number in range(4):
            (folder / "p" / name / f"{number}.png").write_bytes(png(1 << 16, 1 << 16))
    return "{type: image_folder, path: p}"


def png(width: int, height: int) -> bytes:
    """Return an image of zeros."""
    row = bytes(width // 8 + 1)
    pack = zlib.compressobj(9)
    data = b"".join(pack.compress(row * 256) for _ in range(height // 256)) + pack.flush()

    def part(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", data) + part(b"IEND", b"")
