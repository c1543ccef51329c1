"""Arrays in a NumPy archive."""

import lzma
import math
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field as Param

from declare.components.sources._frames import file_fingerprint
from declare.contract.code import Code, text_literal
from declare.contract.facts import Reader
from declare.contract.kinds.source import Extensions, Source, SpecPath
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.system.out_of_memory import refuse_if_short, require_memory

MAX_ENTRIES = 1000
MAX_RATIO = 100
MAX_BYTES = 64 << 30
_DAMAGE = (
    *(ValueError, OSError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, MemoryError),
    *(RuntimeError, NotImplementedError),  # a password, a compression that Python does not know
    *(lzma.LZMAError, TypeError),  # a side of an array that is `True`
)


class Npz(Source):
    """An `.npz` archive: every array is a column, with samples along its first axis.

    Pickled objects are never loaded; sizes are checked from the headers before anything is unpacked. Scalars
    and arrays of records are skipped and counted.

    Example:
        ```yaml
        source: {type: npz, path: data.npz}
        ```
    """

    extensions: ClassVar[Extensions] = {".npz": {}}
    also_called: ClassVar[tuple[str, ...]] = ("numpy", "npy")

    path: SpecPath = Param(description="the npz file")

    def fingerprint(self) -> str:
        """Return the file's size and modification time."""
        return file_fingerprint(self.path)

    def code(self, columns: Sequence[str]) -> Code:
        """Return code that loads the arrays."""
        pairs = ", ".join(f"{text_literal(name)}: arrays[{text_literal(name)}]" for name in columns)
        return Code(f"{{{pairs}}}", (f"arrays = np.load({str(self.path)!r})",))

    def open(self) -> Reader:
        """Read the arrays; raises `ProblemError` DAT302, DAT312, DAT317, DAT333 or DAT335."""
        from declare.components.sources._arrays import ArrayReader

        file_fingerprint(self.path)
        try:
            with zipfile.ZipFile(self.path) as archive:
                self._refuse_bombs(archive.infolist())
                self._refuse_twins(archive.namelist())
                for entry in archive.infolist():
                    self._refuse_header(archive, entry)
        except _DAMAGE as error:
            refuse_if_short(error)
            raise ProblemError(self._malformed_file(str(error))) from None
        arrays = self._arrays()
        reasons = {name: _no_column(array) for name, array in arrays.items()}
        columns = {name: array for name, array in arrays.items() if not reasons[name]}
        reader = ArrayReader(columns, origin=f"`{self.path.name}`")
        reader.folder = self.path.parent
        reader.passed_over = dict(Counter(filter(None, reasons.values())))
        return reader

    def _refuse_bombs(self, entries: list[zipfile.ZipInfo]) -> None:
        total = sum(entry.file_size for entry in entries)
        # Entries may share their stored bytes.
        stored = max(1, min(sum(entry.compress_size for entry in entries), self.path.stat().st_size))
        if (
            len(entries) > MAX_ENTRIES
            or total > MAX_BYTES
            or (total > 1 << 26 and total / stored > MAX_RATIO)
        ):
            raise ProblemError(
                Problem(
                    "DAT335",
                    f"`{self.path.name}` unpacks to {total / 1e9:.3g} GB from {stored / 1e6:.3g} MB",
                    at="source.path",
                    label="unsafe archive",
                    notes=(
                        f"limits: {MAX_ENTRIES} arrays, {MAX_BYTES >> 30} GiB, {MAX_RATIO} times its size",
                    ),
                    helps=("save the arrays without compression, or use `parquet`",),
                )
            )
        require_memory(total, "the archive")

    def _refuse_twins(self, names: list[str]) -> None:
        """Raise ValueError for two members with the same name: the first would never be read."""
        twin = next((name for name, number in Counter(names).items() if number > 1), None)
        if twin is not None:
            raise ValueError(f"`{twin}` occurs twice in it")

    def _refuse_header(self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
        """Raise for a member that is not an array, contains objects, or claims more values than it has bytes."""
        from numpy.lib import format as npy

        with archive.open(entry) as file:
            version = npy.read_magic(file)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, _, dtype = read(file)
            if dtype.hasobject:
                raise ProblemError(self._of_objects(entry.filename.removesuffix(".npy")))
            promised = math.prod(shape) * dtype.itemsize  # below 0 if numpy's own size overflows
            if not 0 <= promised <= entry.file_size - file.tell():
                raise ValueError(f"`{entry.filename}` claims shape {shape} in {entry.file_size} bytes")

    def _arrays(self) -> dict[str, Array]:
        from numpy.lib import format as npy

        arrays = {}
        try:
            with zipfile.ZipFile(self.path) as archive:
                for name in archive.namelist():
                    with archive.open(name) as file:
                        arrays[name.removesuffix(".npy")] = npy.read_array(file, allow_pickle=False)
        except _DAMAGE as error:
            refuse_if_short(error)
            raise ProblemError(self._malformed_file(str(error))) from None
        return arrays

    def _malformed_file(self, because: str) -> Problem:
        return Problem(
            "DAT333",
            f"`{self.path.name}` is not a readable archive",
            at="source.path",
            label="malformed",
            notes=(because.splitlines()[0][:200] if because else "damaged",),
            helps=("save plain arrays with `numpy.savez`",),
        )

    def _of_objects(self, name: str) -> Problem:
        """Return the problem of an array of objects: series of unequal lengths, or values that are not numbers."""
        return Problem(
            "DAT335",
            f"array `{name[:24]}` of `{self.path.name[:24]}` holds Python objects, not numbers",
            at="source.path",
            label="stored as pickles, which may run code",
            notes=("numpy creates such an array from rows of different lengths, such as series or texts",),
            helps=(
                (
                    "save rows of different lengths as lists in a `parquet` or `jsonl` file, or pad them "
                    "with NaN"
                ),
                "save other values as arrays of numbers or of text (`dtype=str`)",
            ),
        )


def _no_column(array: Array) -> str:
    """Return why an array is not a column; empty if it is one."""
    return "scalars" if not array.ndim else "tables of several types" if array.dtype.names else ""
