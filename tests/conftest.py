"""What every test gets: a cache of its own, no colours, one thread per worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

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
