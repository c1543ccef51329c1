"""Laws of sources: rows that are read the same in any order, as many as are stated."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from declare.contract.problem import ProblemError
from declare.parsing import lookup, parser
from declare.system import trust
from tests.components.conformance import example, variants

ROWS = 7


def _table() -> dict[str, list[Any]]:
    return {"x": [0.5 * place for place in range(ROWS)], "name": [f"n{place % 3}" for place in range(ROWS)]}


def _csv(path: Path) -> None:
    rows = zip(*_table().values(), strict=True)
    path.write_text("x,name\n" + "".join(f"{x},{name}\n" for x, name in rows), encoding="utf-8")


def _jsonl(path: Path) -> None:
    rows = [dict(zip(_table(), row, strict=True)) for row in zip(*_table().values(), strict=True)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _parquet(path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table(_table()), path)


def _npz(path: Path) -> None:
    np.savez(path, x=np.arange(ROWS * 2.0).reshape(ROWS, 2), name=np.arange(ROWS) % 3)


def _hdf5(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file["x"], file["name"] = np.arange(ROWS * 2.0).reshape(ROWS, 2), np.arange(ROWS) % 3


def _text(path: Path) -> None:
    path.write_text("".join(f"line {place}\n" for place in range(ROWS)), encoding="utf-8")


def _images(path: Path) -> None:
    from PIL import Image

    for place in range(ROWS):
        (path / f"class{place % 2}").mkdir(parents=True, exist_ok=True)
        image = Image.new("RGB", (6, 5), (place * 30, 0, 0))
        image.save(path / f"class{place % 2}" / f"{place}.png")


def _saved(path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_dict(_table()).save_to_disk(str(path))


def _module(path: Path) -> None:
    path.write_text(f"def load(**_):\n    return {_table()!r}\n", encoding="utf-8")
    trust.grant([trust.entry(path, path.read_bytes())])


WRITERS: dict[str, tuple[Callable[[Path], None], ...]] = {
    ".csv": (_csv,),
    ".jsonl": (_jsonl,),
    ".parquet": (_parquet,),
    ".npz": (_npz,),
    ".h5": (_hdf5,),
    ".txt": (_text,),
    ".py": (_module,),
    "": (_images, _saved),
}
"""What writes the file, or the folder, that the example of a source names: the first that it can open."""
ELSEWHERE = {"DAT302", "DAT305", "DAT312", "DAT333", "RES850", "RES852"}
"""What a source says whose data are other people's and not here, or whose library is not installed."""


class Case(NamedTuple):
    """A source that is there."""

    source: Any


def every_column_has_a_value_for_each_row(case: Case) -> None:
    """Each column is read with as many values as there are samples; known fields name columns."""
    reader = case.source.open()
    assert reader.num_samples > 0, "no samples"
    assert list(reader.columns), "no columns"
    for column in reader.columns:
        found = len(reader.read(column))
        assert found == reader.num_samples, f"{found} values of `{column}` for {reader.num_samples} samples"
        assert reader.is_light(column) in {True, False}
    strange = {
        block.get("column") or block.get("key") or name for name, block in reader.known_fields().items()
    }
    assert strange <= set(reader.columns), f"known fields without a column: {strange - set(reader.columns)}"
    assert not reader.read_as("no_such_column"), "it says how a column is read that it does not have"


def rows_are_read_in_any_order(case: Case) -> None:
    """Some rows, some of them twice, are those of the whole column; another reader reads the same."""
    reader, other = case.source.open(), case.source.open()
    rows = np.array([reader.num_samples - 1, 0, 1, 0])
    for column in reader.columns:
        whole = reader.read(column)
        for item in (reader, other):
            found = item.read(column, rows)
            assert len(found) == len(rows), f"{len(found)} values of `{column}` for {len(rows)} rows"
            for value, row in zip(found, rows.tolist(), strict=True):
                assert same(value, whole[row]), f"row {row} of `{column}` differs"


def same(first: Any, second: Any) -> bool:
    """Return whether two raw values are one: numbers, texts, bytes, lists or arrays."""
    one, two = np.asarray(first), np.asarray(second)
    return one.shape == two.shape and bool(((one == two) | ((one != one) & (two != two))).all())


def splits_are_ranges_of_the_rows(case: Case) -> None:
    """Explicit splits lie within the samples and share none."""
    reader = case.source.open()
    spans = sorted(reader.splits.values())
    for start, stop in spans:
        assert 0 <= start <= stop <= reader.num_samples, f"{start} to {stop} of {reader.num_samples}"
    ends = itertools.pairwise(spans)
    assert all(first[1] <= second[0] for first, second in ends), "splits share rows"


def a_fingerprint_stands_for_the_data(case: Case) -> None:
    """It is the same while the data are, before and after reading, and says where each sample stands."""
    before = case.source.fingerprint()
    reader = case.source.open()
    reader.read(next(iter(reader.columns)))
    assert case.source.fingerprint() == before, "reading changes the fingerprint"
    assert parser.parse("sources", case.source.dump()).fingerprint() == before, (
        "another one of the same block"
    )
    assert isinstance(before, str), "a fingerprint that is no text"
    assert before, "an empty fingerprint"
    places = {reader.where(row) for row in range(min(3, reader.num_samples))}
    assert len(places) == min(3, reader.num_samples), f"several samples stand at {places}"
    assert all(Path(item).exists() for item in case.source.files()), "a file that is not there"


LAWS: list[Callable[[Case], None]] = [
    every_column_has_a_value_for_each_row,
    rows_are_read_in_any_order,
    splits_are_ranges_of_the_rows,
    a_fingerprint_stands_for_the_data,
]


def cases(name: str, folder: Path) -> Iterator[Case]:
    """Yield the source of its page's example in its variants, small, on files written for it; none that is not here."""
    block = example("sources", name)
    key = next((key for key in ("path", "file") if key in block), None)
    if key is None:
        small = {"samples": 12, "subjects": 3, "root": str(folder)}
        for made in variants("sources", name):
            fitting = {key: value for key, value in small.items() if key in type(made).model_fields}
            yield from _opened(made.dump() | fitting)
        return
    for place, write in enumerate(WRITERS[Path(block[key]).suffix]):
        path = folder / str(place) / Path(block[key]).name
        path.parent.mkdir()
        write(path)
        found = list(_opened(block | {key: str(path)}))
        yield from found
        if found:
            return


def _opened(block: dict[str, Any]) -> Iterator[Case]:
    """Yield the source of a block where its data are here."""
    made = parser.parse("sources", block)
    try:
        made.open()
    except ProblemError as error:
        if error.problem.code not in ELSEWHERE:
            raise
    else:
        yield Case(made)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", lookup.own_names("sources"))
def test_every_source_keeps_the_law(name, law, tmp_path):
    """On a file or folder like that of its page's example."""
    found = list(cases(name, tmp_path))
    if not found and "download" in lookup.find("sources", name).model_fields:
        pytest.skip("its data would have to be downloaded")
    assert found, f"`{name}` cannot open what its page's example names"
    for case in found:
        law(case)


class Rows:
    """A right reader of two columns."""

    num_samples = ROWS
    columns = ("x", "name")
    splits = {"train": (0, 5), "test": (5, ROWS)}  # noqa: RUF012 - read alone

    def known_fields(self):
        return {"name": {"type": "category"}}

    def is_light(self, column):
        return True

    def read(self, column, rows=None):
        whole = _table()[column]
        return whole if rows is None else [whole[row] for row in rows]

    def where(self, row):
        return f"row {row}"

    def read_as(self, column):
        return ""


class Few(Rows):
    def read(self, column, rows=None):
        return super().read(column, rows)[:5]


class Sorted(Rows):
    def read(self, column, rows=None):
        return super().read(column, None if rows is None else sorted(rows))


class Overlapping(Rows):
    splits = {"train": (0, 5), "test": (4, ROWS)}  # noqa: RUF012 - read alone


class Somewhere(Rows):
    def where(self, row):
        return "in the table"


class Source:
    """A source that opens one reader."""

    def __init__(self, reader: type[Rows]) -> None:
        self.open = reader

    def fingerprint(self) -> str:
        return "seven rows"

    def files(self) -> list[Path]:
        return []

    def dump(self) -> dict[str, Any]:
        return {"type": "simulated", "name": "pain"}


BROKEN: dict[Callable[[Case], None], type[Rows]] = {
    every_column_has_a_value_for_each_row: Few,
    rows_are_read_in_any_order: Sorted,
    splits_are_ranges_of_the_rows: Overlapping,
    a_fingerprint_stands_for_the_data: Somewhere,
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law, monkeypatch):
    """A reader that breaks the law does not pass; one that keeps it does."""
    monkeypatch.setattr(parser, "parse", lambda kind, block: Source(Rows))
    with pytest.raises(AssertionError):
        law(Case(Source(BROKEN[law])))
    law(Case(Source(Rows)))
