"""The reader of HDF5 files: rows are read on demand, and nothing outside the file."""

import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from declare.components.sources._arrays import same_length
from declare.components.sources._hdf5_limits import (
    LIGHT_BYTES,
    Streams,
    refuse_inflated,
    refuse_inflated_sum,
    refuse_shared_texts,
)
from declare.components.sources._packing import NAMES, Packing, packing_of
from declare.contract.facts import Reader
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.system.out_of_memory import refuse_if_short, require_memory

_READ_ERRORS = (OSError, RuntimeError, ValueError, LookupError, TypeError)
"""What h5py raises if a file is damaged: of objects, of values, of names, of types that NumPy lacks."""
_MOST, _DEEPEST = 10_000, 32
"""Maximum number of datasets and groups in a file, and their maximum depth."""
_BARE_DIMENSION = b"This is a netCDF dimension but not a netCDF variable"
"""Name that NetCDF gives to a dimension without coordinates."""
_COPIES = 2
"""Number of copies of rows in memory while they are read."""
_DENSE = 0.5
"""Fraction of a span that rows must fill for one read of the whole span."""


class Hdf5Reader(Reader):
    """Columns of a group of a file.

    Raises `ProblemError` DAT302 (no samples), DAT317 (lengths differ), DAT333 (not HDF5, or no such group) or
    DAT335 (data outside the file).
    """

    reads_late = True

    def __init__(self, path: Path, group: str, *, unpack: bool = True) -> None:
        self._path, self._group, self._unpack = path, group, unpack
        self._open: dict[int, h5py.File] = {}
        self.folder = path.parent
        self.splits: Mapping[str, tuple[int, int]] = {}
        try:
            named = dict(_datasets(self._top(), path))
            datasets, self.passed_over = _columns(named)
            refuse_inflated_sum(f"`{path.name}`", datasets.values(), path.stat().st_size)
            self._packings = {name: _packing(name, item) for name, item in datasets.items() if unpack}
        except _READ_ERRORS as error:
            refuse_if_short(error)
            self._close()
            raise ProblemError(_malformed_file(path, str(error))) from None
        except ProblemError:
            self._close()
            raise
        self.columns: Sequence[str] = tuple(datasets)
        lengths = {name: item.shape[0] for name, item in datasets.items()}
        self.num_samples = same_length(
            lengths, f"`{path.name}`", "state the group of the samples: `group: /trials`"
        )
        self._light = {name for name, item in datasets.items() if item.nbytes <= LIGHT_BYTES}
        self._streams = {name: Streams(name, item) for name, item in datasets.items()}

    def known_fields(self) -> dict[str, dict[str, Any]]:
        """Return nothing: the file does not define what its columns mean."""
        return {}

    def is_light(self, column: str) -> bool:
        """Return whether the column is small enough to be read whole."""
        return column in self._light

    as_stored = "mask_and_scale: false"

    def read_as(self, column: str) -> str:
        """Return a description of how type and attributes change a column's stored values; empty if they do not."""
        if column not in self.columns:
            return ""
        packing, dataset = self._packings.get(column), self._top()[column]
        parts = ["" if packing is None else packing.description()]
        if self._unpack and h5py.check_enum_dtype(dataset.dtype):
            parts.append("names of stored numbers")
        never = _share_never_written(dataset)
        if never:
            parts.append(f"{never:.0%} was never written and reads as {dataset.fillvalue}")
        return ", ".join(filter(None, parts))

    def read(self, column: str, rows: Array | None = None) -> Any:
        """Return the raw values of `column` for `rows`; raises DAT311 if they cannot be read."""
        try:
            dataset = self._top()[column]
            self._streams[column].check(dataset, rows)
            _require_room(column, dataset, rows)
            if h5py.check_string_dtype(dataset.dtype) and rows is None:
                refuse_shared_texts(column, dataset, self._path.stat().st_size)
            values = _read_values(dataset, rows)
            names = h5py.check_enum_dtype(dataset.dtype) if self._unpack else None
            if names:
                values = _names_of(values, names)
            packing = self._packings.get(column)
            contents = values if packing is None else packing.unpack(values)
        except _READ_ERRORS as error:
            refuse_if_short(error)
            raise ProblemError(
                Problem(
                    "DAT311",
                    f"`{column}` of `{self._path.name}` cannot be read",
                    at="source.path",
                    label="corrupt",
                    notes=(str(error).splitlines()[0][:200],),
                    helps=("check that the file is complete (`h5dump -d NAME FILE`), or write it again",),
                )
            ) from None
        return contents if isinstance(contents, list) or contents.dtype != object else list(contents)

    def where(self, row: int) -> str:
        """Return a description of where sample `row` comes from."""
        return f"sample {row} of `{self._path.name}`"

    def _close(self) -> None:
        for file in self._open.values():
            file.close()

    def _top(self) -> Any:
        """Return the group, from a file opened by this process."""
        process = os.getpid()
        if process not in self._open:
            self._open = {process: h5py.File(self._path, "r")}
        top = self._open[process].get(self._group)
        if not isinstance(top, h5py.Group):
            raise ValueError(f"the group `{self._group}` does not exist")  # noqa: TRY004
        return top


def _columns(named: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the datasets that are columns, and the number of others, by reason."""
    passed_over: Counter[str] = Counter()
    datasets, scales = {}, {}
    for name, item in named.items():
        reason = _no_column(item)
        if reason:
            passed_over[reason] += 1
        elif item.attrs.get("CLASS") == b"DIMENSION_SCALE":
            scales[name] = item
        else:
            datasets[name] = item
    lengths = {item.shape[0] for item in datasets.values()}
    for name, item in scales.items():
        if not lengths or item.shape[0] in lengths:
            datasets[name] = item
        else:
            passed_over["coordinates of other axes"] += 1
    return {name: item for name, item in named.items() if name in datasets}, dict(passed_over)


def _no_column(item: Any) -> str:
    """Return why a dataset is not a column; empty if it is one."""
    if not item.ndim:
        return "scalars"
    if item.dtype.names:
        return "tables of several types"
    if h5py.check_ref_dtype(item.dtype) is not None:
        return "references"
    is_bare = bytes(item.attrs.get("NAME", b"")).startswith(_BARE_DIMENSION)
    return "dimensions without values" if is_bare else ""


def _packing(name: str, item: Any) -> Packing | None:
    """Return the packing that a dataset's attributes define; raises ValueError if it is unclear."""
    is_text = h5py.check_string_dtype(item.dtype) is not None
    if item.dtype.kind not in "iuf" and not is_text:
        return None
    attributes = {key: item.attrs[key] for key in NAMES if key in item.attrs}
    try:
        return packing_of(attributes, item.dtype.kind) if attributes else None
    except ValueError as error:
        raise ValueError(f"attributes of `{name}`: {error}; `mask_and_scale: false` ignores them") from None


def _require_room(column: str, dataset: Any, rows: Array | None) -> None:
    """Raise MemoryError if the machine has no room for this many rows."""
    size = (dataset.shape[0] if rows is None else len(rows)) * dataset.nbytes // max(1, dataset.shape[0])
    if size > LIGHT_BYTES:
        require_memory(_COPIES * size, f"`{column[:40]}`")


def _share_never_written(dataset: Any) -> float:
    """Return the fraction of a dataset's chunks that were never written and are read as its fill value."""
    if not dataset.size or dataset.id.get_create_plist().get_layout() == h5py.h5d.COMPACT:
        return 0.0
    if dataset.chunks is None:
        return float(not dataset.id.get_storage_size())
    blocks = math.prod(-(-size // block) for size, block in zip(dataset.shape, dataset.chunks, strict=True))
    return 1 - dataset.id.get_num_chunks() / blocks


def _names_of(values: Array, numbers: Mapping[str, int]) -> Array:
    """Return the names of numbers; raises ValueError for one without a name."""
    names = {number: name for name, number in numbers.items()}
    distinct, codes = np.unique(values, return_inverse=True)
    unnamed = [number for number in distinct.tolist() if number not in names]
    if unnamed:
        raise ValueError(f"{unnamed[0]} is none of the numbers that its type names")
    return np.array([names[number] for number in distinct.tolist()], object)[codes].reshape(values.shape)


def _read_values(dataset: Any, rows: Array | None) -> Array:
    """Read rows in the order of the file, whatever the requested order."""
    view = dataset.asstr() if h5py.check_string_dtype(dataset.dtype) else dataset
    if rows is None:
        return np.asarray(view[...])
    if not len(rows):
        return np.asarray(view[:0])
    ordered, inverse = np.unique(np.asarray(rows, np.int64), return_inverse=True)
    first, last = int(ordered[0]), int(ordered[-1])
    if len(ordered) >= _DENSE * (last - first + 1):
        return np.asarray(view[first : last + 1])[np.asarray(rows, np.int64) - first]
    return np.asarray(view[ordered])[inverse]


def _datasets(group: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the datasets with samples below a group, by path, without reading them."""
    for number, (name, item) in enumerate(_items(group, path)):
        if number == _MOST:
            # A group may be in several others, so that a small file names any number.
            raise ValueError(f"more than {_MOST:,} names of datasets and groups")
        if isinstance(item, h5py.Dataset):
            if not _no_column(item):
                _refuse(item, path, name)
            yield name, item


def _items(group: Any, path: Path, start: str = "", above: tuple[Any, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield what is below a group with its path."""
    if len(above) > _DEEPEST:
        raise ValueError(f"groups more than {_DEEPEST} deep")
    if group in above:
        raise ProblemError(_outside_problem(path, start, "a group inside itself"))
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ProblemError(_outside_problem(path, f"{start}{name}", "a link"))
        item = group[name]
        yield f"{start}{name}", item
        if isinstance(item, h5py.Group):
            yield from _items(item, path, f"{start}{name}/", (*above, group))


def _refuse(item: Any, path: Path, name: str) -> None:
    """Raise `ProblemError` (DAT335) for a dataset outside the file, or larger than what is stored."""
    if item.external or item.is_virtual:
        raise ProblemError(_outside_problem(path, name, "data in other files"))
    refuse_inflated(name, item, path.stat().st_size)


def _malformed_file(path: Path, because: str) -> Problem:
    return Problem(
        "DAT333",
        f"`{path.name}` is not a readable HDF5 file",
        at="source.path",
        label="malformed",
        notes=(because.strip().splitlines()[0][:200] if because.strip() else "damaged",),
        helps=("check that it is a complete HDF5 file (`h5ls FILE`), or write it again",),
    )


def _outside_problem(path: Path, name: str, what: str) -> Problem:
    return Problem(
        "DAT335",
        f"`{name}` of `{path.name}` is {what}, which is never followed",
        at="source.path",
        label="outside the file",
        helps=("copy the data into the file: `h5repack`, or write it again",),
    )
