"""Arrow, Parquet and HDF5 files of strangers whose values share their bytes, or take none at all."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np

from tests.trust.hostile_data import case, npy, npz

TEXTS = "{a: {type: text}, label: {type: category}}"
VECTORS = "{a: {type: vector}, label: {type: category}}"


def stream(folder: Path, **columns: Any) -> str:
    """Write columns as a stream of Arrow; return the block of the source."""
    import pyarrow as pa

    table = pa.table(columns)
    with pa.ipc.new_stream(str(folder / "t.arrow"), table.schema) as writer:
        writer.write_table(table)
    return "{type: huggingface, path: t.arrow}"


@case("huggingface arrow, a dictionary of one text of 10 MB", TEXTS)
def _(folder: Path) -> str:
    import pyarrow as pa

    texts = pa.DictionaryArray.from_arrays(np.zeros(20_000, np.int32), ["x" * 10_000_000])
    return stream(folder, a=texts, label=pa.array(["x", "y"] * 10_000))


@case("huggingface arrow, nulls without bytes")
def _(folder: Path) -> str:
    import pyarrow as pa

    return stream(folder, a=pa.nulls(2_000_000_000), label=pa.nulls(2_000_000_000))


@case("huggingface arrow, lists of nulls", VECTORS)
def _(folder: Path) -> str:
    import pyarrow as pa

    lists = pa.ListArray.from_arrays(
        pa.array([0, 1_000_000_000, 2_000_000_000], pa.int32()), pa.nulls(2_000_000_000)
    )
    return stream(folder, a=lists, label=pa.array(["x", "y"]))


@case("huggingface arrow, fixed lists of nothing", VECTORS)
def _(folder: Path) -> str:
    import pyarrow as pa

    lists = pa.FixedSizeListArray.from_arrays(pa.nulls(2_000_000_000), 1_000_000_000)
    return stream(folder, a=lists, label=pa.array(["x", "y"]))


@case("huggingface arrow, views of one list", VECTORS)
def _(folder: Path) -> str:
    import pyarrow as pa

    many = 100_000
    views = pa.ListViewArray.from_arrays(
        pa.array(np.zeros(many, np.int32)),
        pa.array(np.full(many, 1_000_000, np.int32)),
        pa.array(np.zeros(1_000_000)),
    )
    return stream(folder, a=views, label=pa.array(["x", "y"] * (many // 2)))


@case("huggingface arrow, runs of one value")
def _(folder: Path) -> str:
    import pyarrow as pa

    runs = pa.RunEndEncodedArray.from_arrays(pa.array([1_000_000_000], pa.int32()), pa.array([1.0]))
    return stream(folder, a=runs, label=runs)


@case("huggingface saved folder, a dictionary of one text of 10 MB", TEXTS)
def _(folder: Path) -> str:
    import json

    stream(folder, label=["x"])
    (folder / "t.arrow").unlink()
    (folder / "d").mkdir()
    stream(folder / "d", **_shared())
    (folder / "d" / "t.arrow").rename(folder / "d" / "data-00000-of-00001.arrow")
    kind = {"dtype": "string", "_type": "Value"}
    (folder / "d" / "dataset_info.json").write_text(json.dumps({"features": {"a": kind, "label": kind}}))
    state = {
        "_data_files": [{"filename": "data-00000-of-00001.arrow"}],
        "_fingerprint": "x",
        "_format_type": None,
    }
    more = {"_format_columns": None, "_format_kwargs": {}, "_output_all_columns": False, "_split": None}
    (folder / "d" / "state.json").write_text(json.dumps(state | more))
    return "{type: huggingface, path: d}"


def _shared() -> dict[str, Any]:
    import pyarrow as pa

    texts = pa.DictionaryArray.from_arrays(np.zeros(20_000, np.int32), ["x" * 10_000_000])
    return {"a": texts, "label": pa.array(["x", "y"] * 10_000)}


@case("huggingface parquet, a dictionary of one text of 10 MB", TEXTS)
def _(folder: Path) -> str:
    parquet_of_one_text(folder)
    return "{type: huggingface, path: t.parquet}"


@case("parquet, a dictionary of one text of 10 MB", TEXTS)
def _(folder: Path) -> str:
    parquet_of_one_text(folder)
    return "{type: parquet, path: t.parquet}"


def parquet_of_one_text(folder: Path) -> None:
    """Write a text once that 20,000 rows refer to."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(_shared()), folder / "t.parquet", store_schema=False)


@case("parquet of nulls")
def _(folder: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(
        pa.table({"a": pa.nulls(500_000_000), "label": pa.nulls(500_000_000)}), folder / "t.parquet"
    )
    return "{type: parquet, path: t.parquet}"


@case("hdf5 groups that share groups")
def _(folder: Path) -> str:
    import h5py

    with h5py.File(folder / "t.h5", "w") as file:
        file["a"], file["label"] = np.arange(4.0), np.arange(4)
        below = file.create_group("g0")
        below["x"] = np.arange(4.0)
        for level in range(1, 25):
            above = file.create_group(f"g{level}")
            for number in range(10):
                above[f"l{number}"] = below
            below = above
    return "{type: hdf5, path: t.h5}"


@case("hdf5 one dataset under 9,000 names")
def _(folder: Path) -> str:
    import h5py

    with h5py.File(folder / "t.h5", "w") as file:
        file.create_dataset("a", data=np.zeros(1 << 20), compression="gzip")
        file["label"] = np.zeros(1 << 20, np.int8)
        for number in range(9000):
            file[f"c{number}"] = file["a"]
    return "{type: hdf5, path: t.h5}"


@case("hdf5 lzf, a chunk of 1 GB", VECTORS)
def _(folder: Path) -> str:
    import h5py

    with h5py.File(folder / "t.h5", "w") as file:
        file.create_dataset(
            "a",
            (4, 1 << 26),
            "u1",
            chunks=(4, 1 << 26),
            compression="lzf",
            data=np.zeros((4, 1 << 26), np.uint8),
        )
        file["label"] = np.arange(4)
    return "{type: hdf5, path: t.h5}"


@case("hdf5 gzip, 190 times its size", VECTORS)
def _(folder: Path) -> str:
    import h5py

    noise = np.random.default_rng(0).integers(0, 256, 8 << 20, np.uint8)
    with h5py.File(folder / "t.h5", "w") as file:
        values = np.zeros((64, 22 << 20), np.uint8)
        values[0, : len(noise)] = noise
        file.create_dataset("a", data=values, chunks=(1, 1 << 20), compression="gzip")
        file["label"] = np.arange(64) % 2
    return "{type: hdf5, path: t.h5}"


@case("hdf5 scale-offset, 4 GB", VECTORS)
def _(folder: Path) -> str:
    import h5py

    with h5py.File(folder / "t.h5", "w") as file:
        file.create_dataset("a", (64, 1 << 23), "i8", chunks=(1, 1 << 23), scaleoffset=0, fillvalue=0)
        for row in range(64):
            file["a"][row] = np.zeros(1 << 23, np.int64)
        file["label"] = np.arange(64) % 2
    return "{type: hdf5, path: t.h5}"


@case("hdf5 texts that share one of 10 MB", TEXTS)
def _(folder: Path) -> str:
    import h5py

    with h5py.File(folder / "t.h5", "w") as file:
        file.create_dataset(
            "a", (1,), h5py.string_dtype(), data=["x" * 10_000_000], maxshape=(None,), chunks=(1000,)
        )
        file["a"].resize((20_000,))
        file["label"] = np.arange(20_000) % 2
    return "{type: hdf5, path: t.h5}"


@case("hdf5 a chunk deflated twice", VECTORS)
def _(folder: Path) -> str:
    import h5py

    with h5py.File(folder / "t.h5", "w") as file:
        item = file.create_dataset("a", (4, 1 << 24), "u1", chunks=(4, 1 << 24), compression="gzip")
        item.id.write_direct_chunk((0, 0), zlib.compress(zlib.compress(bytes(1 << 30), 9), 9))
        file["label"] = np.arange(4)
    return "{type: hdf5, path: t.h5}"


@case("npz of a wide matrix, 95 times its size", VECTORS)
def _(folder: Path) -> str:
    noise = np.random.default_rng(0).integers(0, 256, 5 << 20, np.uint8).tobytes()
    size = 480 << 20
    npz(
        folder / "t.npz",
        [
            ("a.npy", npy((1024, size // 8 // 1024), size - len(noise), noise)),
            ("label.npy", npy((1024,), 8192)),
        ],
    )
    return "{type: npz, path: t.npz}"
