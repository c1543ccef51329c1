"""A declarative trainer: a strict YAML spec becomes a checked PyTorch run."""

from __future__ import annotations

import sys
from types import ModuleType

TYPE_CHECKING = False  # an import of `typing` takes longer than all else here
if TYPE_CHECKING:
    from typing import Any

__version__ = "0.1.0"
__all__ = ["SpecError", "build", "check", "compare", "load", "plan", "rehearse", "report", "train", "tune"]

_ROOMS = frozenset({"report", "tune"})
"""Functions of the Python interface that share their name with a room of the package."""


class _Room(ModuleType):
    """A room that is called as the function of its name: `declare.report(run)`."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from declare import api

        return getattr(api, self.__name__.rpartition(".")[2])(*arguments, **options)


class _Package(ModuleType):
    """The package: importing a room sets an attribute here, which must not hide the function of its name."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _ROOMS and type(value) is ModuleType:
            value.__class__ = _Room
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    """Load the Python interface only when it is used, so that `import declare` stays cheap."""
    if name in _ROOMS:
        from importlib import import_module

        return import_module(f"declare.{name}")
    if name in __all__:
        from declare import api

        return getattr(api, name)
    raise AttributeError(f"module 'declare' has no attribute {name!r}")
