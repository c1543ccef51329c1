"""Leaving a pass over data half way if the run is asked to stop: all processes of a group together."""

from collections.abc import Iterator
from contextlib import contextmanager


class PassInterruptedError(Exception):
    """A pass was left half way."""


class Interruption:
    """Never asks; `declare.runtime` has one that does."""

    def is_requested(self) -> bool:
        """Whether to leave now. Asked before each forward pass, by all processes equally often."""
        return False

    def stop_all_ranks(self, *, interrupted: bool) -> None:
        """Raise what ends the run in all processes if any of them has broken off."""

    def check(self) -> None:
        """Raise `PassInterruptedError` if this process is to leave."""
        if self.is_requested():
            raise PassInterruptedError

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """While inside, `check` may break off; at the end all processes leave if one of them has."""
        interrupted = False
        try:
            yield
        except PassInterruptedError:
            interrupted = True
        self.stop_all_ranks(interrupted=interrupted)


NEVER = Interruption()
