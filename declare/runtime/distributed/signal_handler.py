"""The handler of Ctrl-C and SIGTERM: the first asks to save and stop, the second leaves at once."""

import contextlib
import ctypes
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, Self

from declare.lowering.evaluation.interruption import Interruption, PassInterruptedError
from declare.nn.distributed.process_group import ProcessGroup
from declare.runtime.distributed.rank_environment import LAUNCH

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_WAKE = signal.SIGURG
"""What a thread sends to the main one so that it looks at its flag; it has no other meaning."""
SAME_SECONDS = 0.3
"""What comes within this time is one request that was delivered twice: by a wrapper, or by a parent that died."""
ORPHANED = "its launcher has gone"
"""The reason if the signal is that of the launcher's death."""
_flags: "list[StopFlag]" = []


class StopRequestedError(BaseException):
    """A stop was asked for at a point at which nothing is lost by leaving at once."""


def request_stop(reason: str) -> None:
    """Ask the runs of this process to stop, as a signal would."""
    for flag in tuple(_flags):  # a run may begin or end meanwhile
        flag.request_stop(reason)


def is_stop_requested() -> bool:
    """Whether a run of this process was asked to stop."""
    return any(flag.raised for flag in _flags)


class EvaluationInterruption(Interruption):
    """What evaluations ask whether to leave: the flags of this process, and those of the others of its group.

    If a model is held in shares (`sharded`) each forward pass needs all processes: they ask each other before it.
    Otherwise no process waits for another within a pass, and each leaves it at once.
    """

    def __init__(self, world: ProcessGroup, *, sharded: bool) -> None:
        self._world, self._sharded = world, sharded

    def is_requested(self) -> bool:
        """Whether to leave now."""
        requested = is_stop_requested()
        return self._world.any(requested) if self._sharded else requested

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """While inside, a request breaks off at any line of a group's process; all leave at the end if one has."""
        flags = () if self._sharded or self._world.size == 1 else tuple(_flags)
        with super().interruptible():
            try:
                with contextlib.ExitStack() as stack:
                    for flag in flags:
                        stack.enter_context(flag.interruptible())
                    yield
            except StopRequestedError:
                if not flags:
                    raise
                for flag in flags:
                    flag.interrupted = False  # no process waits for it: the others get it at the end
                raise PassInterruptedError from None

    def stop_all_ranks(self, *, interrupted: bool) -> None:
        """Raise `StopRequestedError` in all processes if any of them has broken off."""
        if self._world.any(interrupted):
            raise StopRequestedError


class StopFlag:
    """Raised by a signal, read by the loop at step boundaries."""

    def __init__(self) -> None:
        self.raised = False
        self._reason = ""
        self._is_signalled = False
        self._interruptible = False
        self.interrupted = False
        """Whether this process has left what it was about, whatever others of its group are doing."""
        self._parent = os.getppid()
        self._before: dict[signal.Signals, Any] = {}
        self._timer: threading.Timer | None = None

    def __enter__(self) -> Self:
        _flags.append(self)
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._on_signal) for number in _SIGNALS}
            self._before[_WAKE] = signal.signal(_WAKE, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        _flags.remove(self)
        if self._timer is not None:
            self._timer.cancel()  # else it would take the caller's own handlers away
            self._timer.join()
        for number, handler in self._before.items():
            # A launcher ends the others when one process has ended: what this one found must still be reported.
            signal.signal(number, signal.SIG_IGN if LAUNCH in os.environ else handler)
        self._before = {}

    @property
    def reason(self) -> str:
        """What asked for it; empty if nothing did."""
        # Only now: the signal of a launcher's death may come before the last of its threads has gone.
        if self._is_signalled and LAUNCH in os.environ and os.getppid() != self._parent:
            return ORPHANED
        return self._reason

    def request_stop(self, reason: str) -> None:
        """Raise the flag from within the run, from any thread."""
        self.raised, self._reason = True, reason
        if self._interruptible:
            signal.pthread_kill(threading.main_thread().ident or 0, _WAKE)

    @contextlib.contextmanager
    def interruptible(self, *, single_process: bool = True) -> Iterator[None]:
        """While inside, a request raises `StopRequestedError` at once; so does one from before.

        For what can be left at any line: nothing that was touched inside may be saved afterwards. Only the main
        thread can be interrupted; in others requests wait. So they do if there are several processes
        (`single_process` is False), which would wait for this one: an evaluation asks between batches then.
        """
        if not single_process or threading.current_thread() is not threading.main_thread():
            yield
            return
        try:
            self._interruptible = True
            self._interrupt()
            yield
        finally:
            self._interruptible = False

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if self._is_signalled:
            return
        self._is_signalled = self.raised = True
        self._reason = signal.Signals(number).name
        self._timer = threading.Timer(SAME_SECONDS, _react_as_the_system)
        self._timer.daemon = True
        self._timer.start()
        if LAUNCH not in os.environ:  # else the supervisor of this process reports it
            print_stop_notice(self._reason, "stopping" if self._interruptible else "saving after this step")
        self._interrupt()

    def _interrupt(self, *_: object) -> None:
        if self._interruptible and self.raised:
            self._interruptible = False  # once: what unwinds must not be interrupted again
            self.interrupted = True
            raise StopRequestedError


def _react_as_the_system() -> None:
    """Let a second signal end the process whatever it is doing: not through Python, which may be waiting for C."""
    for number in _SIGNALS:
        ctypes.CDLL(None).signal(int(number), None)


def print_stop_notice(reason: str, action: str = "saving after this step") -> None:
    """Print what a signal does, and what a second one would do.

    Straight to the descriptor: a handler may come while a stream of Python is being written to, and if no process
    reads any more the request must not be lost.
    """
    with contextlib.suppress(OSError):
        os.write(2, f"\n{reason}: {action}; once more to leave at once\n".encode())
