"""Laws of mixes: how much of a batch each dataset gives."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from declare.contract.kinds.mix import Mix
from declare.parsing.lookup import own_names
from tests.components.conformance import variants

SIZES = ({"a": 7}, {"a": 10, "b": 10}, {"a": 1, "b": 9, "c": 90}, {"z": 10**7, "a": 3, "m": 5000})


def shares_are_parts_of_one_batch(mix: Mix) -> None:
    """Every dataset has a share above 0, and together they are the whole batch."""
    for sizes in SIZES:
        found = mix.shares(sizes)
        assert list(found) == list(sizes), "other datasets, or another order"
        assert sum(found.values()) == pytest.approx(1), f"shares add up to {sum(found.values())}"
        assert min(found.values()) > 0, "a dataset is left out"


def the_same_sizes_give_the_same_shares(mix: Mix) -> None:
    """Shares do not depend on what was asked before, nor on the order in which datasets stand."""
    for sizes in SIZES:
        first = mix.shares(sizes)
        assert mix.shares(dict(sizes)) == first, "other shares for the same sizes"
        turned = mix.shares(dict(reversed(sizes.items())))
        assert turned == pytest.approx(first), "the order of the datasets changes their shares"


def a_larger_dataset_has_no_smaller_share(mix: Mix) -> None:
    """Of two datasets the larger gives at least as much."""
    for sizes in SIZES:
        found = mix.shares(sizes)
        in_order = [found[name] for name in sorted(sizes, key=lambda name: sizes[name])]
        assert all(small <= large + 1e-12 for small, large in itertools.pairwise(in_order))


LAWS: list[Callable[[Any], None]] = [
    shares_are_parts_of_one_batch,
    the_same_sizes_give_the_same_shares,
    a_larger_dataset_has_no_smaller_share,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", own_names("mixes"))
def test_every_mix_keeps_the_law(name, law):
    """In every variant."""
    for mix in variants("mixes", name):
        law(mix)


class Right(Mix):
    def shares(self, sizes):
        return {name: 1 / len(sizes) for name in sizes}


class TooMuch(Mix):
    def shares(self, sizes):
        return dict.fromkeys(sizes, 0.6)


class FirstMost(Mix):
    def shares(self, sizes):
        return {name: 2 ** -(place + 1) for place, name in enumerate(sizes)}


class Inverse(Mix):
    def shares(self, sizes):
        total = sum(1 / size for size in sizes.values())
        return {name: 1 / size / total for name, size in sizes.items()}


BROKEN: dict[Callable[[Any], None], type[Mix]] = {
    shares_are_parts_of_one_batch: TooMuch,
    the_same_sizes_give_the_same_shares: FirstMost,
    a_larger_dataset_has_no_smaller_share: Inverse,
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law):
    """A mix that breaks the law does not pass; one that keeps it does."""
    with pytest.raises(AssertionError):
        law(BROKEN[law]())
    law(Right())
