"""Stopping on request: the first Ctrl-C or SIGTERM asks, the second one leaves at once."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from types import FrameType
from typing import Any, Self

from declare.runtime.place import LAUNCH

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SAME_SECONDS = 0.3
"""What comes within this time is one request that was delivered twice: by a wrapper, or by a parent that died."""
_flags: list[StopFlag] = []


def ask(reason: str) -> None:
    """Ask the runs of this process to stop, as a signal would."""
    for flag in _flags:
        flag.ask(reason)


class StopFlag:
    """Raised by a signal, read by the loop at step boundaries."""

    def __init__(self) -> None:
        self.raised = False
        self.reason = ""
        self._heard = False
        self._before: dict[signal.Signals, Any] = {}
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        _flags.append(self)
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._hear) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        _flags.remove(self)
        if self._timer is not None:
            self._timer.cancel()  # else it would take the caller's own handlers away
            self._timer.join()
        for number, handler in self._before.items():
            # A launcher ends the others when one process has ended: what this one found must still be said.
            signal.signal(number, signal.SIG_IGN if LAUNCH in os.environ else handler)
        self._before = {}

    def ask(self, reason: str) -> None:
        """Raise the flag from within the run."""
        self.raised, self.reason = True, reason

    def _hear(self, number: int, _: FrameType | None) -> None:
        if self._heard:
            return
        self._heard = self.raised = True
        self.reason = signal.Signals(number).name
        self._timer = threading.Timer(_SAME_SECONDS, _react_as_the_system)
        self._timer.daemon = True
        self._timer.start()
        if LAUNCH not in os.environ:  # else whoever watches over this process says it
            say(self.reason)


def _react_as_the_system() -> None:
    """Let a second signal end the process whatever it is doing: not through Python, which may be waiting for C."""
    for number in _SIGNALS:
        ctypes.CDLL(None).signal(int(number), None)


def say(reason: str) -> None:
    """Tell the user what a signal does, and what a second one would do."""
    sys.stderr.write(f"\n{reason}: saving after this step; once more to leave at once\n")
