"""A table is the same in every format that can hold it: names, numbers, gaps and statistics of its columns."""

from __future__ import annotations

import csv
import datetime as dt
import json
import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from declare.contract.problem import ProblemError
from declare.parsing import parser

TEXTS = ["7", "007", "7.0", "true", "NA", "None", "nan", " a", "a", "\u00e4", "a\u0308", 'q"', "x\ny", "1,5"]
COLUMNS = {
    "text": st.sampled_from(TEXTS),
    "truth": st.booleans(),
    "integer": st.integers(-3, 3) | st.sampled_from([2**53, 2**53 + 1, 2**63 - 1]),
    "number": st.floats(-1e9, 1e9).map(lambda number: number + 0.0),
    "day": st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)),
    "list": st.lists(st.floats(-3, 3).map(lambda number: number + 0.0), min_size=2, max_size=2),
}
NAMES = ({"type": "category", "missing": ["NA", 7]}, {"type": "id"}, {"type": "labels"})
FIELDS = {
    "list": ({"type": "vector"}, {"type": "series"}, {"type": "labels"}),
    "day": (*NAMES, {"type": "datetime"}),
}
"""Field types that are tried on a kind of column."""


def write_csv(path: Path, rows: list[Any]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerows([["c", "row"], *([cell(value), row] for row, value in enumerate(rows))])


def cell(value: Any) -> str:
    """Return a value as text: numbers in the fewest digits, as they are names."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def write_jsonl(path: Path, rows: list[Any]) -> None:
    plain = [value.isoformat() if isinstance(value, dt.date) else value for value in rows]
    path.write_text("".join(json.dumps({"c": value}) + "\n" for value in plain), encoding="utf-8")


def write_parquet(path: Path, rows: list[Any]) -> None:
    pl.DataFrame({"c": rows}).write_parquet(path)


def array(rows: list[Any]) -> np.ndarray:
    """Return rows as NumPy holds them; raises TypeError where it cannot."""
    gap = {str: "", float: math.nan, dt.date: np.datetime64("NaT")}
    kind = next(type(value) for value in rows if value is not None)
    full = [gap[kind] if value is None else value for value in rows]
    return np.array(full, "U" if kind is str else "M8[D]" if kind is dt.date else None)


def write_npz(path: Path, rows: list[Any]) -> None:
    np.savez(path, c=array(rows))


def write_hdf5(path: Path, rows: list[Any]) -> None:
    values = array(rows)
    with h5py.File(path, "w") as file:
        file["c"] = values.tolist() if values.dtype.kind == "U" else values


WRITERS = {
    "csv": write_csv,
    "jsonl": write_jsonl,
    "parquet": write_parquet,
    "npz": write_npz,
    "hdf5": write_hdf5,
}


def readers(folder: Path, rows: list[Any]) -> dict[str, Any]:
    """Return the column by format, for formats that can hold it."""
    columns = {}
    for name, write in WRITERS.items():
        if name == "csv" and any(isinstance(value, list) for value in rows):
            continue
        path = folder / f"t.{name}"
        path.unlink(missing_ok=True)
        if name == "npz":
            path = path.with_suffix(".npz")
        try:
            write(path, rows)
        except (KeyError, TypeError):  # gaps of truth values and integers, days in HDF5
            continue
        columns[name] = parser.parse("sources", {"type": name, "path": str(path)}).open().read("c")
    return columns


def encoded(block: dict[str, Any], values: Any) -> tuple[Any, ...] | None:
    """Return what is known of a column, and each row; None where the field refuses it."""
    field = parser.parse("fields", block)
    try:
        facts = field.infer_facts(values)
        rows = field.encode(values, facts)
    except ProblemError:
        return None
    figures = [
        None if item is None else float(f"{item:.12g}")
        for item in (facts.minimum, facts.maximum, facts.mean, facts.std)
    ]
    unused = facts.extra.get("unused_marks", [])
    return (
        facts.classes,
        facts.num_missing,
        facts.shape.dims,
        figures,
        unused,
        np.asarray(rows, float).tolist(),
    )


@pytest.mark.parametrize("kind", COLUMNS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_column_is_the_same_in_every_format(kind, data, tmp_path):
    """Where a field takes a column from two formats, it finds the same in both and encodes the same rows."""
    value = COLUMNS[kind]
    rows = data.draw(
        st.lists(value | st.none() if data.draw(st.booleans()) else value, min_size=1, max_size=6)
    )
    if all(item is None for item in rows):
        return
    columns = readers(tmp_path, rows)
    for block in FIELDS.get(kind, (*NAMES, {"type": "number", "missing": ["NA", 7]})):
        outcomes = {name: encoded(block, values) for name, values in columns.items()}
        accepted = {name: outcome for name, outcome in outcomes.items() if outcome is not None}
        first = next(iter(accepted.values()), None)
        for name, outcome in accepted.items():
            np.testing.assert_equal(
                outcome, first, err_msg=f"{block} from {name}, not {next(iter(accepted))}"
            )
