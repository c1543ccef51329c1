"""`csv`: metrics of one or several runs in one table."""

import csv
import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from pydantic import Field as Param

from declare.components.trackers._services import tracker_error
from declare.contract.kinds.tracker import Log, Tracker

_COLUMNS = ("run", "step", "metric", "value")


class Csv(Tracker):
    """Appends every metric to a table with the columns run, step, metric, value.

    A run always has its own metrics in `metrics.csv`; this table collects those of several runs, in the
    folder that contains the run folder (`runs/NAME/` by default). Several runs may write at the same time:
    each row is written at once.

    ```yaml
    tracking: {type: csv, path: all_runs.csv}
    ```
    """

    path: str | None = Param(
        None,
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}\.csv$",
        description="name of a table next to the run folder; default: `tracking.csv`",
    )

    def open(self, folder: Path, name: str, plan: Mapping[str, Any]) -> Log:
        """Return the table, opened to append."""
        path = folder.absolute().parent / self.path if self.path else folder / "tracking.csv"
        try:
            file = _append(path)
        except OSError as error:
            raise tracker_error("csv", error) from error
        return _Log(file, str(folder))


def _append(path: Path) -> IO[str]:
    """Open a table to append to; a pipe in its place is refused, not waited for."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    file = os.fdopen(os.open(path, flags, 0o600), "a", newline="", encoding="utf-8", buffering=1)
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "it is not a regular file", str(path))


class _Log:
    def __init__(self, file: IO[str], run: str) -> None:
        self._file = file
        self._writer = csv.writer(file)
        self._run = run
        if file.tell() == 0:
            self._writer.writerow(_COLUMNS)

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Record values at a step."""
        for name, value in values.items():
            self._writer.writerow((self._run, step, name, repr(float(value))))

    def close(self) -> None:
        """Flush and close."""
        self._file.close()
