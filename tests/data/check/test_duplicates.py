"""Equal samples: counts and groups, whatever the blocks in which samples come."""

from __future__ import annotations

import tracemalloc

import numpy as np

from declare.data.check.duplicates import Twins


def twins_of(values, splits, targets, block):
    twins = Twins(("x",), ("y",))
    rows = np.arange(len(values))
    for start in range(0, len(values), block):
        part = slice(start, start + block)
        twins.take(rows[part], splits[part], {"x": values[part], "y": targets[part]})
    return twins


def test_counts_and_groups_do_not_depend_on_blocks():
    """Groups across splits come first, then those of one split, each in the order of their first sample."""
    values = [np.array(value) for value in (5.0, 1.0, 1.0, 2.0, 5.0, 3.0, 1.0)]
    splits = ["train", "train", "train", "train", "val", "val", "train"]
    targets = [np.array(value) for value in (0, 0, 0, 0, 0, 0, 1)]
    for block in (1, 3, 7):
        found = twins_of(values, splits, targets, block).summary(str)
        assert (found.within, found.across, found.contradicting) == (2, 1, 1)
        assert found.groups == (("0 (train)", "4 (val)"), ("1 (train)", "2 (train)", "6 (train)"))
    assert Twins(("x",), ()).summary(str).groups == ()


def test_a_sample_takes_few_bytes():
    """A file of 50 kB may hold five million of them."""
    values = np.arange(20_000) % 7.0
    tracemalloc.start()
    twins = twins_of(values, ["train"] * len(values), np.zeros(len(values)), 1000)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert used < 80 * len(values)
    assert twins.summary(str).within == len(values) - 7
