"""A Ray cluster: the one that `RAY_ADDRESS` names, else one that runs on this machine, else one of our own."""

import contextlib
import logging
import os
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from declare.contract.problem import Problem, ProblemError
from declare.runtime.errors import first_line

_LOCAL = "local"
_STORE_BYTES = 80 << 20
"""Of the object store of our own cluster: only small things go through it."""


@contextlib.contextmanager
def connect_ray(processors: int = 1) -> Iterator[Any]:
    """Connect to a cluster and give the library `ray`; what was started here is ended here.

    Our own cluster has at least so many processors to give away. Raises `ProblemError` (HW713).
    """
    # As a value: without the library the types of its modules would be unknown.
    ray: Any = import_module("ray")
    owns_cluster = not ray.is_initialized()
    try:
        if owns_cluster:
            # Ray puts the current folder first on the path of all workers.
            with _silence(), _package_folder() as folder, contextlib.chdir(folder):
                _connect(ray, max(os.cpu_count() or 1, processors))
        yield ray
    finally:
        if owns_cluster:
            ray.shutdown()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """While inside, nothing reaches standard error: what goes wrong is raised too."""
    sys.stderr.flush()
    stderr_copy = os.dup(2)
    try:
        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(stderr_copy, 2)
        os.close(stderr_copy)


@contextlib.contextmanager
def _package_folder() -> Iterator[Path]:
    """Return the folder of the source tree of this package; empty if it is installed."""
    root = Path(__file__).resolve().parents[3]
    installed = {Path(sysconfig.get_path(kind)).resolve() for kind in ("purelib", "platlib")}
    if root not in installed:
        yield root
        return
    with tempfile.TemporaryDirectory(prefix="declare-") as empty:
        yield Path(empty)


def _connect(ray: Any, processors: int) -> None:
    quiet = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    address = os.environ.get("RAY_ADDRESS")
    if address != _LOCAL:
        try:
            ray.init(address=address or "auto", **quiet)
        except ConnectionError as error:
            if address:
                raise ProblemError(_unreachable(address, error)) from error
    if not ray.is_initialized():
        settings = {"include_dashboard": False, "object_store_memory": _STORE_BYTES}
        ray.init(address=_LOCAL, num_cpus=processors, **settings, **quiet)
    with contextlib.suppress(ImportError):
        # Ray writes about dead workers to standard output, where results belong; we report them ourselves.
        inside: Any = import_module("ray._private.worker")
        inside._worker_logs_enabled = False  # noqa: SLF001 - it has no public switch


def _unreachable(address: str, error: Exception) -> Problem:
    return Problem(
        "HW713",
        "the Ray cluster cannot be reached",
        notes=(f"RAY_ADDRESS is `{address}`: {first_line(error)}",),
        helps=(
            "see that it runs: `ray status`; one that asks for a token needs RAY_AUTH_MODE=token",
            "or `RAY_ADDRESS=local` to train only on this machine",
        ),
    )
