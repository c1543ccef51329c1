"""Laws of samplers: the order of an epoch as a function of seed and epoch, shared by processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
import pytest

from declare.contract.kinds.sampler import Sampler
from declare.contract.shapes import Layout, Shape
from declare.ir.micro_batches import rank_bounds
from declare.parsing.lookup import own_names
from tests.components.conformance import variants

SIZES = (8, 61)
ROWS = 6


class Case:
    """A settled sampler with columns of the training split that it reads."""

    def __init__(self, sampler: Sampler, number: int, *, each_once: bool = True) -> None:
        layout: Layout = sampler.layouts[0] if sampler.layouts else "number"
        chosen = sampler.with_fields({name: Shape(layout, ()) for name in sampler.columns() or ("x",)})
        self.sampler: Any = chosen.resolve(100, 10).for_batches(ROWS)
        self.number, self.each_once = number, each_once
        self.columns = {
            name: _column(layout, number, place) for place, name in enumerate(self.sampler.columns())
        }

    def order(self, seed: int = 0, progress: float = 0.3) -> Any:
        """Return the order of one epoch."""
        generator = np.random.default_rng([seed, 7])
        return self.sampler.order(self.number, self.columns, generator, progress)


def _column(layout: Layout, number: int, place: int) -> Any:
    """Return a column in which several samples share each class, and some have none."""
    draws = np.random.default_rng(place)
    if layout in {"number", "vector"}:
        return draws.random(number).astype(np.float32)
    if layout == "tokens":
        return draws.integers(1, 10, number)  # the lengths of the texts
    values = np.arange(number) // 2**place % (2 if place < 2 else number)
    return np.where(np.arange(number) == number - 1, -1, values)


def every_position_is_one_of_the_split(case: Case) -> None:
    """An order holds whole numbers below the number of samples, as many as there are, the last group whole."""
    order = case.order()
    assert order.dtype.kind == "i", f"positions of type {order.dtype}"
    assert ((order >= 0) & (order < case.number)).all(), "a position outside the split"
    group_size = case.sampler.group_size
    whole = -(-case.number // group_size) * group_size
    assert len(order) == whole, f"{len(order)} positions for {case.number} samples"


def seed_and_epoch_alone_decide(case: Case) -> None:
    """The same generator and progress give the same order, whatever was asked before; columns stay as they are."""
    before = {name: values.copy() for name, values in case.columns.items()}
    first = case.order()
    case.order(seed=1)
    np.random.seed(3)  # noqa: NPY002 - numpy's own generator must not matter
    assert np.array_equal(first, case.order()), "two orders for one epoch"
    for name, values in before.items():
        assert np.array_equal(case.columns[name], values, equal_nan=values.dtype.kind == "f"), (
            f"`{name}` is changed"
        )


def another_epoch_has_another_order(case: Case) -> None:
    """Orders of other epochs differ, but for a sampler that keeps the order of the data."""
    first, others = case.order(), [case.order(seed=seed) for seed in range(1, 4)]
    if np.array_equal(first, np.arange(len(first))):
        return
    assert any(not np.array_equal(first, other) for other in others), "every epoch has the same order"


REPEATING = {"balanced", "curriculum", "pairs", "weighted"}
"""Samplers that repeat samples or leave some out, which is what they are for."""


def each_sample_comes_once(case: Case) -> None:
    """An epoch is a permutation of the split, unless a sampler is there to repeat samples."""
    if case.each_once:
        assert sorted(case.order().tolist()) == list(range(case.number)), "not each sample once"


def processes_partition_a_batch(case: Case) -> None:
    """Processes share a batch without a rest, and what belongs together stays in one of them."""
    group_size = case.sampler.group_size
    batch = list(range(len(case.order()[:ROWS])))
    for world in (2, 3):
        groups = -(-len(batch) // group_size)
        spans = [span for rank in range(world) for span in rank_bounds(groups, rank, world, 1)]
        parts = [batch[first * group_size : last * group_size] for first, last in spans]
        assert sorted(place for part in parts for place in part) == batch, "a sample is lost or doubled"
        pairs = case.order()[: len(batch) // group_size * group_size].reshape(-1, group_size)
        assert len({len(set(row)) for row in pairs.tolist()}) <= 1, "a group holds a sample twice"


LAWS: list[Callable[[Case], None]] = [
    every_position_is_one_of_the_split,
    seed_and_epoch_alone_decide,
    another_epoch_has_another_order,
    each_sample_comes_once,
    processes_partition_a_batch,
]


def cases(name: str) -> Iterator[Case]:
    """Yield every variant of a sampler over splits of several sizes."""
    for sampler in variants("samplers", name):
        for number in SIZES:
            yield Case(sampler, number, each_once=name not in REPEATING)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", own_names("samplers"))
def test_every_sampler_keeps_the_law(name, law):
    """In every variant, over splits of several sizes."""
    for case in cases(name):
        law(case)


class Right(Sampler):
    def order(self, num_samples, columns, generator, progress):
        return generator.permutation(num_samples)


class PastTheEnd(Right):
    def order(self, num_samples, columns, generator, progress):
        return generator.permutation(num_samples) + 1


class OfItsOwn(Right):
    def order(self, num_samples, columns, generator, progress):
        return np.random.default_rng().permutation(num_samples)


class OneForAll(Right):
    def order(self, num_samples, columns, generator, progress):
        return np.random.default_rng(0).permutation(num_samples)


class Drawing(Right):
    def order(self, num_samples, columns, generator, progress):
        return generator.integers(0, num_samples, num_samples)


class Twins(Right):
    """Says that samples come in pairs, and pairs some with themselves."""

    group_size: ClassVar[int] = 2

    def order(self, num_samples, columns, generator, progress):
        return np.where(np.arange(num_samples) < 2, 0, np.arange(num_samples))


BROKEN: dict[Callable[[Case], None], type[Sampler]] = {
    every_position_is_one_of_the_split: PastTheEnd,
    seed_and_epoch_alone_decide: OfItsOwn,
    another_epoch_has_another_order: OneForAll,
    each_sample_comes_once: Drawing,
    processes_partition_a_batch: Twins,
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law):
    """A sampler that breaks the law does not pass; one that keeps it does."""
    with pytest.raises(AssertionError):
        law(Case(BROKEN[law](), 61))
    law(Case(Right(), 61))


@pytest.mark.parametrize("name", sorted(REPEATING))
def test_only_samplers_that_repeat_are_left_out(name):
    """An exception that no variant needs would hide a fault."""
    found = [case for case in cases(name) if sorted(case.order().tolist()) != list(range(case.number))]
    assert found
