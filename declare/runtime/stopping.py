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
SAME_SECONDS = 0.3
"""What comes within this time is one request that was delivered twice: by a wrapper, or by a parent that died."""
ORPHANED = "its launcher has gone"
"""The reason where the signal is that of the launcher's death."""
_flags: list[StopFlag] = []


def ask(reason: str) -> None:
    """Ask the runs of this process to stop, as a signal would."""
    for flag in _flags:
        flag.ask(reason)


class StopFlag:
    """Raised by a signal, read by the loop at step boundaries."""

    def __init__(self) -> None:
        self.raised = False
        self._reason = ""
        self._heard = False
        self._parent = os.getppid()
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

    @property
    def reason(self) -> str:
        """What asked for it; empty where nothing did."""
        # Only now: the signal of a launcher's death may come before the last of its threads has gone.
        if self._heard and LAUNCH in os.environ and os.getppid() != self._parent:
            return ORPHANED
        return self._reason

    def ask(self, reason: str) -> None:
        """Raise the flag from within the run."""
        self.raised, self._reason = True, reason

    def _hear(self, number: int, _: FrameType | None) -> None:
        if self._heard:
            return
        self._heard = self.raised = True
        self._reason = signal.Signals(number).name
        self._timer = threading.Timer(SAME_SECONDS, _react_as_the_system)
        self._timer.daemon = True
        self._timer.start()
        if LAUNCH not in os.environ:  # else whoever watches over this process says it
            say(self._reason)


def _react_as_the_system() -> None:
    """Let a second signal end the process whatever it is doing: not through Python, which may be waiting for C."""
    for number in _SIGNALS:
        ctypes.CDLL(None).signal(int(number), None)


def say(reason: str) -> None:
    """Tell the user what a signal does, and what a second one would do."""
    sys.stderr.write(f"\n{reason}: saving after this step; once more to leave at once\n")
