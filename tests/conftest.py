"""What every test gets: a cache of its own, no colours, one thread per worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

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
