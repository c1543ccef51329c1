"""Wide text tables: opening, examining and encoding number columns, against polars that guesses their types.

Run `python benchmarks/tables.py [COLUMNS] [ROWS]`. Rounds of both are interleaved; medians are compared.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from declare.contract import reading

_ROUNDS = 5


def ours(path: Path) -> float:
    """Read all columns as `number` fields do: facts of the whole column, then its values; return their sum."""
    reader = reading.parse("sources", {"type": "csv", "path": str(path)}).open()
    rows = np.arange(reader.num_samples)
    field = reading.parse("fields", {"type": "number"})
    total = 0.0
    for name in reader.columns:
        values = reader.read(name, rows)
        total += float(field.encode(values, field.examine(values)).sum())
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


def main(columns: int, rows: int) -> None:
    """Print the median seconds of both and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "wide.csv"
        table = np.random.default_rng(0).normal(size=(rows, columns)).round(6)
        pl.DataFrame(table, schema=[f"c{index}" for index in range(columns)]).write_csv(path)
        timed: dict[Callable[[Path], float], list[float]] = {guessed: [], ours: []}
        for _ in range(_ROUNDS):
            for work, seconds in timed.items():
                start = time.perf_counter()
                work(path)
                seconds.append(time.perf_counter() - start)
    base, own = (statistics.median(seconds) for seconds in timed.values())
    print(f"{columns} columns, {rows:,} rows: {own:.2f} s, guessed {base:.2f} s, ratio {own / base:.2f}")


if __name__ == "__main__":
    main(*(int(text) for text in [*sys.argv[1:3], "50", "100000"][:2]))
