"""What every test gets: a cache of its own, no colours, one thread per worker."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from declare.system import trust

# How long an example takes says nothing of its law: a busy machine fails no test.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
# Two workers on two cores: more threads than that only wait for each other. Set before torch is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["NO_COLOR"] = "1"
os.environ.pop("DECLARE_DEBUG", None)
# Many tests start processes that import the package: what one compiles the others read.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
HANDLERS = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
BY_LIBRARIES = ("KMP_", "PYTEST_", "TORCH")
"""How variables begin that libraries set once, when they are imported."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each worker one stretch of the tests, and a part of another's when it is done: files stay together."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log) if config.getoption("dist") == "load" else None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put files with slow tests first in each worker's stretch: none is left for the end."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    files = [list(group) for _, group in groupby(items, lambda item: item.path)]
    files.sort(key=lambda file: -sum(item.get_closest_marker("slow") is not None for item in file))
    slow = [file for file in files if any(item.get_closest_marker("slow") for item in file)]
    rest = [item for file in files[len(slow) :] for item in file]
    stretches: list[list[pytest.Item]] = []
    for index in range(workers):
        first = [item for file in slow[index::workers] for item in file]
        size = (len(items) - sum(map(len, stretches))) // (workers - index) - len(first)
        stretches.append(first + rest[: max(size, 0)])
        del rest[: max(size, 0)]
    items[:] = [item for stretch in stretches for item in stretch] + rest


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep facts and decoded data of tests out of the user's cache folder, and old ones of it out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("DECLARE_CACHE_DIR", str(folder))
        yield folder


@pytest.fixture(autouse=True)
def no_downloads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back what a command that trains allows for its whole process: data may be fetched."""
    monkeypatch.setitem(trust._switches, "downloads", False)


@pytest.fixture(autouse=True)
def restored_process() -> Iterator[None]:
    """Take back what a test leaves in the process that others run in: variables, signal handlers, threads of torch.

    Signal handlers before it too: a command that trains, in a fixture of a module, lets the process ignore SIGHUP.
    """
    variables = dict(os.environ)
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else 0
    _restore_handlers()
    yield
    _restore_handlers()
    for name in os.environ.keys() - variables.keys():
        if not name.startswith(BY_LIBRARIES):
            del os.environ[name]
    os.environ.update({name: text for name, text in variables.items() if not name.startswith(BY_LIBRARIES)})
    if torch and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


def _restore_handlers() -> None:
    for number, handler in HANDLERS.items():
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)
