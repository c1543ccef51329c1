"""A law of all kinds: what a component draws comes from the generator that it is given, or from torch's alone."""

import random
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest

MOVE_THEM = {
    "test_samplers": "seeds them in two ways: they must not matter",
    "test_transforms": "seeds them in two ways: they must not matter",
    "test_one_table": "trains, which seeds them",
    "test_sources": "imports libraries, of which scikit-learn draws",
}
"""Files whose own tests move the generators, and why."""


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Python's and NumPy's global generators, which no step seeds, are where they were after every law."""
    before = _drawn()
    result = yield
    if pyfuncitem.path.stem not in MOVE_THEM:
        assert _drawn() == before, "a global generator of Python or NumPy has moved"
    return result


def _drawn() -> tuple[Any, ...]:
    """Return where the generators stand."""
    _, keys, *rest = np.random.get_state()  # noqa: NPY002
    return random.getstate(), keys.tobytes(), *rest
