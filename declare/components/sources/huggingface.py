"""Data sets of the `datasets` library, from local files alone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from pydantic import Field as Param

from declare.contract.data import Reader
from declare.contract.extras import require
from declare.contract.problem import Problem, ProblemError
from declare.contract.shortage import refuse_if_short
from declare.contract.source import Source, SpecPath

_SPLITS = {"train": "train", "validation": "val", "valid": "val", "val": "val", "test": "test"}


class Huggingface(Source):
    """A folder written by `save_to_disk`, or files that `datasets` reads: csv, json, parquet, arrow, text.

    Columns keep their names; splits that the folder holds (`train`, `validation`, `test`) are used as they are.
    Nothing is downloaded and no code of a data set is run. Needs the extra `huggingface`.

    Example:
        ```yaml
        source: {type: huggingface, path: imdb}
        ```
    """

    path: SpecPath = Param(description="the folder or file")
    split: str | None = Param(None, description="use this split alone, as the one pool")
    format: Literal["csv", "json", "parquet", "arrow", "text"] | None = Param(
        None, description="what a file holds; by default as its name says"
    )

    def fingerprint(self) -> str:
        """Return names, sizes and times of the files."""
        require("datasets", "huggingface", "source")
        files = sorted(self.path.rglob("*")) if self.path.is_dir() else [self.path]
        if not files or not any(file.is_file() for file in files):
            title = f"there is nothing at {self.path.name}"
            notes = (f"looked in `{self.path.parent}`",)
            raise ProblemError(Problem("DAT312", title, at="source.path", label="no such data", notes=notes))
        stats = [
            (str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files if file.is_file()
        ]
        return hashlib.sha256(repr(stats).encode()).hexdigest()

    def open(self) -> Reader:
        """Open the data set; raises `ProblemError` DAT333 where the library cannot read it."""
        require("datasets", "huggingface", "source")
        try:
            tables = self._tables()
        except Exception as error:  # noqa: BLE001 - the library raises its own, of every kind
            refuse_if_short(error)
            title = f"`{self.path.name}` cannot be read by `datasets`"
            notes = (f"{type(error).__name__}: {error}"[:300],)
            raise ProblemError(Problem("DAT333", title, at="source.path", notes=notes)) from None
        if self.split is not None and self.split not in tables:
            title = f"the data set has no split `{self.split}`"
            helps = (f"name one of {', '.join(tables)}",)
            raise ProblemError(
                Problem("DAT312", title, at="source.split", label="no such split", helps=helps)
            )
        return _Reader({self.split: tables[self.split]} if self.split else tables, self.path.name)

    def _tables(self) -> dict[str, Any]:
        import datasets

        datasets.disable_progress_bars()
        if (self.path / "dataset_dict.json").is_file() or (self.path / "state.json").is_file():
            found: Any = datasets.load_from_disk(str(self.path))
            return dict(found) if isinstance(found, datasets.DatasetDict) else {"train": found}
        kind = self.format or _format(self.path)
        read = _readers(datasets).get(kind)
        if read is None:
            raise ValueError(f"`{kind}` is none of {', '.join(_readers(datasets))}: state the `format`")
        files = sorted(map(str, self.path.glob(f"*.{kind}"))) if self.path.is_dir() else [str(self.path)]
        with TemporaryDirectory(ignore_cleanup_errors=True) as place:
            return {"train": read(files, cache_dir=place, keep_in_memory=True)}


def _readers(datasets: Any) -> dict[str, Any]:
    """Return the library's readers by format; its other builders may unpickle or fetch."""
    table = datasets.Dataset
    return {
        "csv": table.from_csv,
        "json": table.from_json,
        "parquet": table.from_parquet,
        "text": table.from_text,
    } | {"arrow": lambda files, **_: datasets.concatenate_datasets([table.from_file(file) for file in files])}


def _format(path: Path) -> str:
    names = {".jsonl": "json", ".tsv": "csv", ".txt": "text", ".pq": "parquet"}
    suffix = path.suffix.lower() or next((file.suffix for file in sorted(path.glob("*.*"))), "")
    return names.get(suffix, suffix.lstrip("."))


class _Reader:
    """Tables one after the other, a split each."""

    reads_late = True

    def __init__(self, tables: Mapping[str, Any], name: str) -> None:
        self._tables = list(tables.values())
        self._name = name
        starts, total = [], 0
        for table in self._tables:
            starts.append(total)
            total += len(table)
        self.num_samples = total
        if not total:
            raise ProblemError(Problem("DAT302", f"`{name}` holds no samples", at="source", label="empty"))
        self.columns: Sequence[str] = tuple(self._tables[0].column_names)
        known = [_SPLITS.get(split) for split in tables]
        whole = len(tables) > 1 and None not in known and len(set(known)) == len(known)
        self.splits: Mapping[str, tuple[int, int]] = (
            {
                str(place): (start, start + len(table))
                for place, start, table in zip(known, starts, self._tables, strict=True)
            }
            if whole
            else {}
        )
        self._columns: dict[str, list[Any]] = {}

    def known_fields(self) -> dict[str, dict[str, Any]]:
        """Return class labels: the features of the data set name their classes."""
        found: dict[str, dict[str, Any]] = {}
        for name, feature in self._tables[0].features.items():
            if hasattr(feature, "names"):
                found[name] = {"type": "category", "classes": list(feature.names)}
        return found

    def is_light(self, column: str) -> bool:
        """Return whether the column holds no pictures or sounds to be decoded."""
        return type(self._tables[0].features[column]).__name__ not in {"Image", "Audio", "Video"}

    def read(self, column: str, rows: Any = None) -> list[Any]:
        """Return the values of `rows`."""
        if column not in self._columns:
            self._columns[column] = [value for table in self._tables for value in table[column]]
        values = self._columns[column]
        return values if rows is None else [values[int(row)] for row in rows]

    def where(self, row: int) -> str:
        """Say which sample it is."""
        return f"sample {row} of `{self._name}`"
