"""Components of resolved blocks are read once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from declare.contract.problem import ProblemError
from declare.parsing import read_component as module
from declare.parsing.read_component import read_component


def test_equal_blocks_share_a_component():
    """The kind and every value count, and of what type a value is."""
    block = {"type": "number", "missing": [1]}
    assert read_component("fields", block) is read_component("fields", dict(block))
    assert read_component("fields", block | {"missing": [True]}).missing == [True]
    assert read_component("fields", block | {"missing": ["1"]}).missing == ["1"]
    assert read_component("schedules", "constant") is not read_component("schedules", {"type": "cosine"})


def test_a_block_that_cannot_be_read_is_never_kept():
    """The same problem each time."""
    for _ in range(2):
        with pytest.raises(ProblemError):
            read_component("fields", {"type": "number", "missing": 3})


def test_threads_may_read_more_than_is_kept(monkeypatch):
    """What is kept has a bound, and no thread misses what it has just read."""
    monkeypatch.setattr(module, "_KNOWN", {})
    monkeypatch.setattr(module, "_MOST", 2)

    def rates(number):
        return [
            read_component("optimizers", {"type": "sgd", "lr": 0.1 * (1 + (number + i) % 7)}).lr
            for i in range(20)
        ]

    with ThreadPoolExecutor(4) as pool:
        for number, lrs in enumerate(pool.map(rates, range(8))):
            assert lrs == [0.1 * (1 + (number + i) % 7) for i in range(20)]
    assert len(module._KNOWN) <= 5
