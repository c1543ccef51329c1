"""Data files without any fault for every source, a tiny one and a large one: what they take is their own size."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.trust.hostile_data import NUMBERS, case
from tests.trust.hostile_images import saved

SIZES = {"tiny": 40, "large": 4_000_000}
TEXTS = "{a: {type: text, column: text}, label: {type: category, column: text}}"
IMAGES = "{a: {type: image, column: image}, label: {type: category}}"


def columns(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a number and a label for each row."""
    return np.random.default_rng(0).normal(size=rows), np.arange(rows) % 3


def csv(folder: Path, rows: int) -> str:
    """Write a text table."""
    numbers, labels = columns(rows)
    lines = (f"{number:.6f},{label}\n" for number, label in zip(numbers, labels, strict=True))
    (folder / "t.csv").write_text("a,label\n" + "".join(lines))
    return "{type: csv, path: t.csv}"


def jsonl(folder: Path, rows: int) -> str:
    """Write objects, one a line."""
    numbers, labels = columns(rows)
    lines = (json.dumps({"a": a, "label": int(b)}) + "\n" for a, b in zip(numbers, labels, strict=True))
    (folder / "t.jsonl").write_text("".join(lines))
    return "{type: jsonl, path: t.jsonl}"


def npz(folder: Path, rows: int) -> str:
    """Write arrays."""
    numbers, labels = columns(10 * rows)
    np.savez(folder / "t.npz", a=numbers, label=labels)
    return "{type: npz, path: t.npz}"


def hdf5(folder: Path, rows: int) -> str:
    """Write compressed datasets."""
    import h5py

    numbers, labels = columns(5 * rows)
    with h5py.File(folder / "t.h5", "w") as file:
        file.create_dataset("a", data=numbers, compression="gzip", compression_opts=1)
        file.create_dataset("label", data=labels, compression="gzip", compression_opts=1)
    return "{type: hdf5, path: t.h5}"


def _table(rows: int) -> object:
    import pyarrow as pa

    numbers, labels = columns(2 * rows)
    return pa.table({"a": numbers, "label": labels.astype(str)})


def parquet(folder: Path, rows: int) -> str:
    """Write a table in Parquet."""
    import pyarrow.parquet as pq

    pq.write_table(_table(rows), folder / "t.parquet")
    return "{type: parquet, path: t.parquet}"


def library_parquet(folder: Path, rows: int) -> str:
    """Write the same for the `datasets` library."""
    parquet(folder, rows)
    return "{type: huggingface, path: t.parquet}"


def library_csv(folder: Path, rows: int) -> str:
    """Write a text table for the `datasets` library."""
    csv(folder, rows)
    return "{type: huggingface, path: t.csv}"


def library_json(folder: Path, rows: int) -> str:
    """Write objects for the `datasets` library."""
    jsonl(folder, rows)
    return "{type: huggingface, path: t.jsonl}"


def library_arrow(folder: Path, rows: int) -> str:
    """Write a stream of Arrow."""
    import pyarrow as pa

    table = _table(rows)
    with pa.ipc.new_stream(str(folder / "t.arrow"), table.schema) as writer:  # type: ignore[attr-defined]
        writer.write_table(table)
    return "{type: huggingface, path: t.arrow}"


def text(folder: Path, rows: int) -> str:
    """Write lines of words."""
    (folder / "t.txt").write_text("".join(f"word {n % 9} and {n % 7}\n" for n in range(rows)))
    return "{type: text, path: t.txt}"


def images(folder: Path, rows: int) -> str:
    """Write images in folders of two classes."""
    content = saved("PNG", (32, 32), "RGB")
    for name in "xy":
        (folder / "p" / name).mkdir(parents=True)
        for number in range(min(rows, 20_000) // 2):
            (folder / "p" / name / f"{number}.png").write_bytes(content)
    return "{type: image_folder, path: p}"


WRITERS: tuple[tuple[Callable[[Path, int], str], str], ...] = (
    *((write, NUMBERS) for write in (csv, jsonl, npz, hdf5, parquet)),
    *((write, NUMBERS) for write in (library_parquet, library_csv, library_json, library_arrow)),
    (text, TEXTS),
    (images, IMAGES),
)
for size, count in SIZES.items():
    for writer, fields in WRITERS:
        case(f"{size} {writer.__name__}", fields)(
            lambda folder, write=writer, rows=count: write(folder, rows)
        )
