"""Trackers: where metrics are sent besides the run folder's own files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

from declare.contract.component import Component


class Log(Protocol):
    """An open tracker."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Record values at a global step."""
        ...

    def close(self) -> None:
        """Flush and close."""
        ...


class Tracker(Component):
    """A service or file that records metrics besides the run folder's own files."""

    default: ClassVar[str] = "tensorboard"
    """The type if a spec states none."""
    package: ClassVar[str | None] = None
    """The package that it needs, an optional extra of the same name."""

    def open(self, folder: Path, name: str, plan: Mapping[str, Any]) -> Log:
        """Return an open log for the run in `folder`."""
        raise NotImplementedError
