"""Finding components: the folder is the registry, and only the file that is used is imported."""

import importlib
import pkgutil
from functools import cache
from typing import Protocol, cast

from declare.contract.component import Component

_ROOT = "declare.components"


class Library(Protocol):
    """A folder's `_library.py`: components made from a generated table of an outside library's names."""

    def names(self) -> list[str]:
        """Every name that `find` knows."""
        ...

    def find(self, name: str) -> type[Component] | None:
        """Return the component class for a library's name, made from the table, or None."""
        ...


@cache
def kinds() -> tuple[str, ...]:
    """Return the kinds of components, in alphabetical order."""
    package = importlib.import_module(_ROOT)
    return tuple(sorted(item.name for item in pkgutil.iter_modules(package.__path__) if item.ispkg))


@cache
def own_names(kind: str) -> tuple[str, ...]:
    """Return the names of the components that have a file in `kind`, without importing them."""
    package = importlib.import_module(f"{_ROOT}.{kind}")
    files = (item.name for item in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name for name in files if not name.startswith("_")))


@cache
def _library(kind: str) -> Library | None:
    package = importlib.import_module(f"{_ROOT}.{kind}")
    if any(item.name == "_library" for item in pkgutil.iter_modules(package.__path__)):
        return cast(Library, importlib.import_module(f"{_ROOT}.{kind}._library"))
    return None


def names_of_libraries(kind: str) -> tuple[str, ...]:
    """Return the names of `kind` that come from outside libraries."""
    library = _library(kind)
    return tuple(name for name in library.names() if name not in own_names(kind)) if library else ()


def names(kind: str) -> tuple[str, ...]:
    """Return every name that `find` knows for `kind`, an outside library's included."""
    return own_names(kind) + names_of_libraries(kind)


@cache
def find(kind: str, name: str) -> type[Component] | None:
    """Return the component class for `name`, or None. Imports at most that one file."""
    if name in own_names(kind):
        module = importlib.import_module(f"{_ROOT}.{kind}.{name}")
        for value in vars(module).values():
            is_component = isinstance(value, type) and issubclass(value, Component)
            if is_component and value.__module__ == module.__name__ and not value.__name__.startswith("_"):
                return cast(type[Component], value)
        raise AssertionError(f"{module.__name__} defines no component")
    library = _library(kind)
    return library.find(name) if library else None
