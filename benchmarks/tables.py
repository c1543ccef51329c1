"""Wide text tables: opening, examining and encoding number columns, against polars that guesses their types.

Run `python benchmarks/tables.py [COLUMNS] [ROWS] [ROUNDS]`. Each reading is a process of its own; rounds of both are
interleaved, medians of seconds are compared, and the most memory that a process held beyond its imports.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl

from declare.parsing import parser


def ours(path: Path) -> float:
    """Read all columns as `number` fields do: facts of the whole column, then its values; return their sum."""
    reader = parser.parse("sources", {"type": "csv", "path": str(path)}).open()
    rows = np.arange(reader.num_samples)
    field = parser.parse("fields", {"type": "number"})
    total = 0.0
    for name in reader.columns:
        values = reader.read(name, rows)
        total += float(field.encode(values, field.infer_facts(values)).sum())
    return total


def guessed(path: Path) -> float:
    """Let polars guess that all columns are numbers, and take the same facts of them."""
    frame = pl.read_csv(path)
    total = 0.0
    for column in frame:
        values = column.to_numpy()
        total += float(values.sum())
        values.min(), values.max(), values.mean(), values.std()
    return total


def measured(work: Callable[[Path], float], path: Path) -> tuple[float, float]:
    """Return the seconds that a reading takes, and by how many GB the process grew at most."""
    before = peak()
    start = time.perf_counter()
    work(path)
    seconds = time.perf_counter() - start
    return seconds, peak() - before


def peak() -> float:
    """Return the most memory that this process has held, in GB."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e9


def main(columns: int, rows: int, rounds: int) -> None:
    """Print the median seconds of both and their ratio, and the memory of both."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wide.csv"
        draws = np.random.default_rng(0)
        table = {f"c{index}": draws.normal(size=rows).round(6) for index in range(columns)}
        pl.DataFrame(table).write_csv(path)
        del table
        found: dict[Callable[[Path], float], list[tuple[float, float]]] = {guessed: [], ours: []}
        for _ in range(rounds):
            for work, figures in found.items():
                with get_context("spawn").Pool(1) as pool:
                    figures.append(pool.apply(measured, (work, path)))
        size = path.stat().st_size / 1e9
    base, own = ([statistics.median(figure) for figure in zip(*item, strict=True)] for item in found.values())
    print(
        f"{columns} columns, {rows:,} rows, {size:.2f} GB: {own[0]:.2f} s and {own[1]:.2f} GB, "
        f"guessed {base[0]:.2f} s and {base[1]:.2f} GB, ratio {own[0] / base[0]:.2f}"
    )


if __name__ == "__main__":
    main(*(int(text) for text in [*sys.argv[1:4], *("50", "100000", "5")[len(sys.argv) - 1 :]]))
