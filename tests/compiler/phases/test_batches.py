"""A phase's batches are made up of whole rows of each dataset."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from declare.compiler.phases.batches import apportion, batches
from declare.language.spec import Phase
from declare.parsing.parser import read


def phase(**keys):
    block, problems = read(
        Phase, {"epochs": 1, "batch_size": 10, "optimizer": {"type": "adamw", "lr": 0.1}} | keys
    )
    assert problems == []
    return block


@given(st.integers(1, 500), st.lists(st.floats(0.001, 100), min_size=1, max_size=6))
def test_apportion(size, weights):
    """Rows sum to the batch, none is more than one off its share, and each dataset gets one if it can."""
    shares = {f"d{i}": weight / sum(weights) for i, weight in enumerate(weights)}
    rows = apportion(size, shares)
    assert sum(rows.values()) == size
    assert list(rows) == list(shares)
    if size >= len(rows):
        assert min(rows.values()) >= 1
    lifted = sum(1 for name, share in shares.items() if share * size < 1)
    assert all(rows[name] >= share * size - 1 - lifted for name, share in shares.items())


def test_one_dataset():
    """With one dataset an epoch is its samples over the batch, the last batch partial."""
    made = batches(phase(), {"a": 101})
    assert (made.rows, made.steps_per_epoch, made.alternate) == ({"a": 10}, 11, False)


def test_stated_rows():
    """Rows by dataset are taken as they stand, and make the batch."""
    made = batches(phase(batch_size={"a": 4, "b": 12}), {"a": 100, "b": 60})
    assert (made.size, made.rows, made.steps_per_epoch) == (16, {"a": 4, "b": 12}, 10)


def test_shares():
    """Shares of a mix are turned into rows, whatever they sum to."""
    made = batches(phase(mix={"a": 7, "b": 3}), {"a": 10, "b": 90})
    assert made.rows == {"a": 7, "b": 3}
