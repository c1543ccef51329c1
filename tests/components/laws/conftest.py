"""A law of all kinds: what a component draws comes from the generator that it is given, or from torch's alone."""

import random
from collections.abc import Generator
from typing import Any

import numpy as np
import pytest


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, Any, Any]:
    """Python's and NumPy's global generators, which no step seeds, are where they were after every law.

    A run keeps their states, but imports that come at another moment of a run that goes on may move them, too.
    """
    before = _drawn()
    result = yield
    assert _drawn() == before, "a global generator of Python or NumPy has moved"
    return result


def _drawn() -> tuple[Any, ...]:
    """Return where the generators stand."""
    _, keys, *rest = np.random.get_state()  # noqa: NPY002
    return random.getstate(), keys.tobytes(), *rest
