"""The launcher's handler of Ctrl-C and SIGTERM: forwards the request to stop to its processes.

The request is a file in the folder of the launch. It reaches processes that do not listen to signals yet, and other
machines if they share the folder.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Self

from declare.runtime.distributed import heartbeat, signal_handler
from declare.runtime.distributed.exit_codes import SIGNALLED, STOPPED
from declare.runtime.distributed.rank_environment import LAUNCH

_STOP_FILE = "stop_request"
_SECONDS = 0.25
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class SignalForwarder:
    """While inside, the first SIGINT or SIGTERM asks all processes to save and stop; the second one leaves.

    It leaves at once if no process has begun: there is nothing to save. With `kills` the processes are this
    machine's own, and are killed when it leaves.
    """

    def __init__(self, *, kills: bool) -> None:
        self._kills = kills
        self._signals: list[signal.Signals] = []
        self._is_killed = False
        self._since = 0.0
        self._folder = Path()
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

    @property
    def status(self) -> int | None:
        """The exit status of what was asked for; None if nothing was."""
        if not self._signals:
            return None
        return SIGNALLED + self._signals[-1] if self._is_killed else STOPPED

    def watch_folder(self, folder: Path) -> None:
        """Forward requests to the processes of the launch in `folder` from now on; an earlier one at once."""
        self._folder = folder
        if self._signals:
            write_stop_request(folder, self._signals[0].name)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self._signals and time.monotonic() - self._since < signal_handler.SAME_SECONDS:
            return
        self._signals.append(signal.Signals(number))
        self._since = time.monotonic()
        heartbeats = heartbeat.read_heartbeats(self._folder)
        if heartbeats and len(self._signals) == 1:
            signal_handler.print_stop_notice(self._signals[0].name)
            write_stop_request(self._folder, self._signals[0].name)
            return
        self._is_killed = True
        for process, _step in heartbeats.values() if self._kills else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        raise KeyboardInterrupt


def write_stop_request(folder: Path, reason: str) -> None:
    """Ask the processes of a launch to save and stop."""
    draft = folder / f"{_STOP_FILE}.draft"
    draft.write_text(reason, encoding="utf-8")
    draft.replace(folder / _STOP_FILE)


@contextlib.contextmanager
def watch_stop_requests() -> Iterator[None]:
    """While inside, a request in the launch folder reaches the run of this process as a signal would."""
    if LAUNCH not in os.environ:
        yield
        return
    path = Path(os.environ[LAUNCH]) / _STOP_FILE
    finished = threading.Event()

    def listen() -> None:
        while True:
            with contextlib.suppress(OSError):
                signal_handler.request_stop(path.read_text(encoding="utf-8"))
            if finished.wait(_SECONDS):
                return

    listener = threading.Thread(target=listen, name="stop-requests", daemon=True)
    listener.start()
    try:
        yield
    finally:
        finished.set()
        listener.join()
