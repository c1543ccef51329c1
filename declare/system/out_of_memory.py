"""Out of memory: the errors that mean it in different libraries, and their problems."""

import errno
import importlib.abc
import mmap
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

from declare.contract.problem import Problem, ProblemError
from declare.system.memory_limits import (
    address_limit,
    available_memory,
    group_limit,
    peak,
    unused_memory,
)

_WORDS = (
    *("can't allocate memory", "cannot allocate memory", "not enough memory", "out of memory"),
    *("failed to map segment", "can't start new thread", "bad_alloc", "memory allocation of"),
)
_NEAR = 256 << 20
"""Address space that is as good as none: a library of that size cannot be loaded any more."""
_MOST_CAUSES = 20
_RESERVE = 64 << 20
"""Address space that is given up in a shortage, so that it can be reported."""
_LIBRARY_BYTES = {
    "torch": 3200 << 20,
    "torchvision": 320 << 20,
    "sklearn": 450 << 20,
    "datasets": 1100 << 20,
    "polars": 640 << 20,
}
"""Address space that libraries take when they are imported, as measured; builds for GPUs take more."""
_held: list[mmap.mmap] = []


def hold_reserve() -> None:
    """If `ulimit -v` limits the address space, keep some back, and import no library that has too little of it."""
    if address_limit() is None or _held:
        return
    if has_room(_RESERVE):
        _held.append(mmap.mmap(-1, _RESERVE))
    sys.meta_path.insert(0, _LibraryRoom())


class _LibraryRoom(importlib.abc.MetaPathFinder):
    """Raises MemoryError before the import of a library that ends the process without the room that it takes."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where such a library is, with the check before it runs: others may only ask whether it is there."""
        spec = PathFinder.find_spec(name, path, target) if name in _LIBRARY_BYTES else None
        if spec is not None and spec.loader is not None:
            run = spec.loader.exec_module

            def check_and_run(module: ModuleType) -> None:
                require_room(_LIBRARY_BYTES[name], f"the library {name}")
                run(module)

            spec.loader.exec_module = check_and_run  # type: ignore[method-assign]
        return spec


def _release_reserve() -> None:
    while _held:
        _held.pop().close()


def is_shortage(error: BaseException | None) -> bool:
    """Return whether an error, or its cause, means that memory did not suffice."""
    for _ in range(_MOST_CAUSES):
        if error is None or isinstance(error, ProblemError):
            return False
        if _says_so(error):
            _release_reserve()
            return True
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return False


def _says_so(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    if not isinstance(error, RuntimeError | OSError | ImportError | SystemError):
        return False
    text = str(error).lower()
    return any(word in text for word in _WORDS)


def is_starved() -> bool:
    """Whether the process has come so near to `ulimit -v` that any library may fail in any way."""
    _release_reserve()
    limit = address_limit()
    return limit is not None and limit - peak("address") < _NEAR


def has_room(size: int) -> bool:
    """Whether so many bytes can be had now."""
    try:
        mmap.mmap(-1, max(size, 1)).close()
    except OSError:
        return False
    return True


def refuse_if_short(error: BaseException, size: int = 16 << 20) -> None:
    """Raise MemoryError if a failed read may have failed for lack of memory; `size` is what it needs.

    Decoders report "broken data" if they mean memory, so their message does not prove broken data.
    """
    if isinstance(error, MemoryError) or not has_room(size):
        raise MemoryError(str(error) or "no memory is left") from error


def require_room(size: int, what: str) -> None:
    """Raise MemoryError if so many bytes cannot be had: for libraries that end the process without them."""
    if not has_room(size):
        raise MemoryError(f"{what} takes {_gigabytes(size)} of address space")


def require_memory(size: int, what: str, *, copies: int = 1, library: int = 0) -> None:
    """Raise MemoryError if the machine has not so many bytes left.

    If `ulimit -v` limits the address space, it must hold `copies` of them and what a `library` takes for itself.
    """
    if address_limit() is not None:
        require_room(copies * size + library, what)
    free = available_memory()
    if free is not None and size > free:
        raise MemoryError(f"{what} takes {_gigabytes(size)} of memory, {_gigabytes(free)} are free")


def before_training(error: BaseException) -> Problem:
    """Return the finding that memory did not suffice for something else than a step: libraries, data, the model."""
    lines = str(error).strip().splitlines()
    return Problem(
        "RES810",
        "out of memory outside of a training step",
        notes=(f"{type(error).__name__}: {lines[0] if lines else 'no memory is left'}", *_memory_notes()),
        helps=(
            "give the process more memory: see `ulimit -v`, `ulimit -u` and the control group",
            "see what each phase takes with `dcl plan`, then make the model or `batch_size` smaller",
        ),
    )


def _memory_notes() -> Iterator[str]:
    for name, limit, kind in (
        ("`ulimit -v` allows", address_limit(), "address"),
        ("the control group allows", group_limit(), "resident"),
    ):
        if limit is not None:
            used = peak(kind)
            yield f"{name} {_gigabytes(limit)}, {_gigabytes(used)} were taken, {_gigabytes(limit - used)} were left"
    free = unused_memory()
    if free is not None:
        yield f"the machine has {_gigabytes(free)} of free memory"


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
