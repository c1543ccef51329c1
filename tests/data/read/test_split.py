"""Splits hold what they promise, for any sizes, groups and classes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from declare.contract.problem import ProblemError
from declare.data.read.split import assign, by_column

SHARES = st.sampled_from(
    [
        {"val": 0.1},
        {"val": 0.25, "test": 0.25},
        {"train": 0.7, "val": 0.15, "test": 0.15},
        {"train": 0.5, "val": 0.2},
    ]
)


def wanted(split, number):
    train = split.get("train", 1 - split.get("val", 0) - split.get("test", 0))
    return {"train": train * number} | {
        name: split[name] * number for name in ("val", "test") if name in split
    }


@given(st.integers(20, 300), SHARES, st.integers(0, 9))
def test_rows_are_divided_once_and_by_the_shares(number, split, seed):
    """Every row stands in at most one split, and sizes are the shares to within one sample."""
    rows = assign(number, split, {}, seed)
    joined = np.concatenate(list(rows.values()))
    assert len(np.unique(joined)) == len(joined)
    for name, size in wanted(split, number).items():
        assert abs(len(rows[name]) - size) <= 1


@given(st.integers(30, 300), SHARES, st.integers(2, 6), st.randoms(use_true_random=False))
def test_stratified_splits_keep_proportions(number, split, classes, random):
    """Each split has each class in its share of the whole to within a sample and a half."""
    labels = np.array([random.randrange(classes) for _ in range(number)])
    rows = assign(number, split | {"stratify": "label"}, {"label": labels}, 0)
    totals = np.bincount(labels, minlength=classes)
    for name, size in wanted(split, number).items():
        found = np.bincount(labels[rows[name]], minlength=classes)
        assert np.abs(found - totals * size / number).max() <= 2.0


@given(st.integers(3, 40), st.integers(1, 9), SHARES, st.integers(0, 9))
def test_groups_never_cross_a_split(groups, size, split, seed):
    """No group has rows in two splits, and no split is empty."""
    group = np.repeat(np.arange(groups), size)
    rows = assign(len(group), split | {"by": "subject"}, {"subject": group}, seed)
    seen = [set(group[found]) for found in rows.values()]
    assert all(seen)
    assert sum(map(len, seen)) == len(set().union(*seen))


def test_the_same_seed_gives_the_same_split():
    """The split is a function of the seed."""
    first, again, other = (assign(100, {"val": 0.3}, {}, seed)["val"] for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize(
    ("number", "split", "columns", "code"),
    [
        (4, {"val": 0.1}, {}, "DAT314"),
        (6, {"val": 0.2, "test": 0.2, "by": "s"}, {"s": np.array([0, 0, 0, 1, 1, 1])}, "DAT313"),
    ],
)
def test_splits_that_cannot_be_are_refused(number, split, columns, code):
    """An empty split and too few groups are said so."""
    with pytest.raises(ProblemError) as caught:
        assign(number, split, columns, 0)
    assert caught.value.problem.code == code


def test_a_column_may_hold_the_split():
    """The values of a split column place the rows; another word is refused."""
    rows = by_column(np.array([0, 1, 0, 2]), ("train", "valid", "test"))
    assert {name: found.tolist() for name, found in rows.items()} == {
        "train": [0, 2],
        "val": [1],
        "test": [3],
    }
    with pytest.raises(ProblemError):
        by_column(np.array([0, 1]), ("train", "holdout"))
    with pytest.raises(ProblemError, match="two names of one split"):
        by_column(np.array([0, 1, 2]), ("train", "val", "valid"))
