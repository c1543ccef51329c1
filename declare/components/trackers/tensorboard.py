"""`tensorboard`: metrics for TensorBoard, in the run folder."""

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from declare.components.trackers._services import tracker_error
from declare.contract.kinds.tracker import Log, Tracker

_FLUSH_SECONDS = 10.0


class TensorBoard(Tracker):
    """Writes every metric to `tensorboard/` in the run folder; view it with `tensorboard --logdir RUN`.

    The x axis is the optimizer step, counted over all phases. Library: tensorboard.

    ```yaml
    tracking: tensorboard
    ```
    """

    package: ClassVar[str | None] = "tensorboard"

    def open(self, folder: Path, name: str, plan: Mapping[str, Any]) -> Log:
        """Return an open log in the run folder; a resumed run appends to it."""
        try:
            return _Log(folder / "tensorboard")
        except OSError as error:
            raise tracker_error("tensorboard", error) from error


class _Log:
    """An event file, written by the training thread, so that disk errors are raised where they occur.

    The library's own writer has a thread that prints a traceback and blocks the run when it dies.
    """

    def __init__(self, folder: Path) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(parents=True, exist_ok=True)
        moment = f"{time.time():.6f}".replace(".", "")
        self._path = folder / f"events.out.tfevents.{moment}.{socket.gethostname()}.{os.getpid()}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._records = RecordWriter(os.fdopen(os.open(self._path, flags, 0o600), "wb"))
        self._flushed = time.monotonic()
        self._records.write(Event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
        self._records.flush()

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Record values at a step; raises `ProblemError` RES851 if they cannot be written."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary

        try:
            for name, value in values.items():
                summary = Summary(value=[Summary.Value(tag=name, simple_value=value)])
                event = Event(wall_time=time.time(), step=step, summary=summary)
                self._records.write(event.SerializeToString())
            if time.monotonic() - self._flushed > _FLUSH_SECONDS:
                self._flush()
        except OSError as error:
            raise tracker_error("tensorboard", error, "cannot write metrics any more") from error

    def _flush(self) -> None:
        self._records.flush()
        self._path.stat()  # a folder that was deleted takes everything and keeps nothing
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Flush and close; raises `ProblemError` RES851 if the last metrics could not be written."""
        try:
            self._records.close()
        except OSError as error:
            raise tracker_error("tensorboard", error, "cannot write metrics any more") from error
