"""Leaving a pass over data half way where the run is asked to stop: all processes of a group together."""

from collections.abc import Iterator
from contextlib import contextmanager


class BrokenOffError(Exception):
    """A pass was left half way."""


class Interruption:
    """Never asks; `declare.runtime` has one that does."""

    def is_requested(self) -> bool:
        """Whether to leave now. Asked before each forward pass, by all processes equally often."""
        return False

    def leave(self, *, broken_off: bool) -> None:
        """Raise what ends the run in all processes where any of them has broken off."""

    def check(self) -> None:
        """Raise `BrokenOffError` where this process is to leave."""
        if self.is_requested():
            raise BrokenOffError

    @contextmanager
    def together(self) -> Iterator[None]:
        """While inside, `check` may break off; at the end all processes leave if one of them has."""
        broken_off = False
        try:
            yield
        except BrokenOffError:
            broken_off = True
        self.leave(broken_off=broken_off)


NEVER = Interruption()
