"""The reader of tables of the `datasets` library: stored values, decoded only by fields."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from declare.contract.facts import Reader
from declare.contract.kinds.source import is_folder
from declare.contract.problem import Problem, ProblemError

_FILES = frozenset({"Image", "Audio", "Video", "Pdf", "Nifti"})
"""Features whose values are files, as content or by name."""


def _single(value: float | None) -> Any:
    """Return a 32-bit number as its shortest decimal: 0.1 instead of 0.10000000149."""
    import numpy as np

    return None if value is None else np.float32(value)


def _label_values(value: Any, feature: Any) -> Any:
    """Return a class label, or None if it is negative, which the library defines as unknown; names in lists.

    An index in a list would be taken for a row of 0 and 1 if there are two classes.
    """
    if hasattr(feature, "names"):
        return None if isinstance(value, int) and value < 0 else value
    inner = feature[0] if isinstance(feature, list) and feature else getattr(feature, "feature", None)
    names = getattr(inner, "names", None)
    if names is None or not isinstance(value, list):
        return value
    return [
        None if code is None or code < 0 else names[code] if code < len(names) else code for code in value
    ]


class DatasetsReader(Reader):
    """Tables one after the other, one for each split."""

    reads_late = True

    def __init__(self, tables: Mapping[str, Any], path: Path, passed_over: Mapping[str, int]) -> None:
        self._tables = list(tables.values())
        self._name = name = path.name
        self.folder = path if is_folder(path) else path.parent
        self.passed_over = passed_over
        starts, total = [], 0
        for table in self._tables:
            starts.append(total)
            total += len(table)
        self.num_samples = total
        if not total:
            helps = ("check the path, or state another `split`",)
            raise ProblemError(
                Problem("DAT302", f"`{name}` contains no samples", at="source", label="empty", helps=helps)
            )
        self.columns: Sequence[str] = tuple(
            name
            for name in self._tables[0].column_names
            if all(name in table.column_names for table in self._tables)
        )
        self.splits: Mapping[str, tuple[int, int]] = (
            {
                name: (start, start + len(table))
                for name, start, table in zip(tables, starts, self._tables, strict=True)
            }
            if len(tables) > 1
            else {}
        )
        self._columns: dict[str, list[Any]] = {}

    def known_fields(self) -> dict[str, dict[str, Any]]:
        """Return class labels: the features of the data set define their classes."""
        fields: dict[str, dict[str, Any]] = {}
        for name, feature in self._tables[0].features.items():
            if hasattr(feature, "names"):
                fields[name] = {
                    "type": "category",
                    "classes": {text: code for code, text in enumerate(feature.names)},
                }
        return fields

    def is_light(self, column: str) -> bool:
        """Return whether the column contains no images or sounds to decode."""
        return type(self._tables[0].features[column]).__name__ not in _FILES

    def read(self, column: str, rows: Any = None) -> list[Any]:
        """Return the values of `rows`; images and sounds as the bytes or names of their files."""
        if not self.is_light(column):
            wanted = range(self.num_samples) if rows is None else rows
            return [self._file(column, int(row)) for row in wanted]
        if column not in self._columns:
            values = [
                _label_values(value, table.features[column])
                for table in self._tables
                for value in self._values(table, column)
            ]
            single = getattr(self._tables[0].features[column], "dtype", "") == "float32"
            self._columns[column] = list(map(_single, values)) if single else values
        values = self._columns[column]
        return values if rows is None else [values[int(row)] for row in rows]

    def _file(self, column: str, row: int) -> bytes | Path | None:
        """Return a file as stored: the library's own decoders would read any format, and any URL."""
        for table in self._tables:
            if row < len(table):
                break
            row -= len(table)
        value = table.select_columns([column]).with_format("arrow")[row].column(0)[0].as_py()
        if not isinstance(value, dict):
            return value if isinstance(value, bytes) else None if value is None else self.folder / str(value)
        if value.get("bytes") is not None:
            return bytes(value["bytes"])
        return None if value.get("path") is None else self.folder / str(value["path"])

    def _values(self, table: Any, name: str) -> Any:
        """Return the values of a column as stored: the library would decode images itself.

        Raises `ProblemError` DAT333 for times that are beyond the years of any calendar.
        """
        stored = table.with_format("arrow")[name] if hasattr(table, "with_format") else table[name]
        try:
            return stored.to_pylist() if hasattr(stored, "to_pylist") else stored
        except (ValueError, OverflowError) as error:
            helps = ("correct the values, or store the column as numbers",)
            problem = Problem(
                "DAT333", f"`{name}` of `{self._name}` cannot be read: {error}", at="source", helps=helps
            )
            raise ProblemError(problem) from None

    def where(self, row: int) -> str:
        """Return a description of where a sample comes from."""
        return f"sample {row} of `{self._name}`"
