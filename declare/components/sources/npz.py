"""Arrays in a NumPy archive."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

from declare.components.sources._frames import file_fingerprint
from declare.contract.data import Reader
from declare.contract.problem import Problem, ProblemError
from declare.contract.source import Source, SpecPath

if TYPE_CHECKING:
    import numpy as np

MAX_ENTRIES = 1000
MAX_RATIO = 200
MAX_BYTES = 64 << 30


class Npz(Source):
    """An `.npz` archive: every array is a column, its first axis the samples.

    Pickled objects are never loaded; sizes are checked from the headers before anything is unpacked.

    Example:
        ```yaml
        source: {type: npz, path: data.npz}
        ```
    """

    path: SpecPath

    def fingerprint(self) -> str:
        """Return the file's size and time of change."""
        return file_fingerprint(self.path)

    def open(self) -> Reader:
        """Read the arrays; raises `ProblemError` DAT302, DAT312, DAT317, DAT333 or DAT335."""
        from declare.components.sources._arrays import ArrayReader

        file_fingerprint(self.path)
        self._refuse_bombs()
        return ArrayReader(self._arrays(), origin=f"`{self.path.name}`")

    def _refuse_bombs(self) -> None:
        try:
            with zipfile.ZipFile(self.path) as archive:
                entries = archive.infolist()
        except (zipfile.BadZipFile, OSError) as error:
            raise ProblemError(self._malformed(str(error))) from None
        total = sum(entry.file_size for entry in entries)
        stored = max(1, sum(entry.compress_size for entry in entries))
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

    def _arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        import numpy as np

        try:
            with np.load(self.path, allow_pickle=False) as archive:
                found = {name: archive[name] for name in archive.files}
        except (ValueError, OSError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile) as error:
            raise ProblemError(self._malformed(str(error))) from None
        return {name: array for name, array in found.items() if array.ndim}

    def _malformed(self, because: str) -> Problem:
        pickled = "pickle" in because
        return Problem(
            "DAT335" if pickled else "DAT333",
            f"`{self.path.name}` {'holds pickled objects' if pickled else 'is no archive that can be read'}",
            at="source.path",
            label="never loaded" if pickled else "malformed",
            notes=() if pickled else (because.splitlines()[0][:200] if because else "damaged",),
            helps=("save plain arrays with `numpy.savez`",),
        )
