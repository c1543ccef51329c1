"""Laws of transforms: stored ones are functions of samples, random ones of samples and their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import nn

from declare.contract.kinds.transform import Transform
from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.parsing.lookup import names
from tests.components.conformance import variants

SHAPES = (
    Shape("number", ()),
    Shape("vector", (3,)),
    Shape("series", (2, 12)),
    Shape("sequence", (6, 3)),
    Shape("counts", (4,)),
    Shape("category", (), "int64", 3),
    Shape("labels", (3,)),
    Shape("tokens", (6,), "int64", 9),
    Shape("image", (3, 24, 32), "uint8"),
    Shape("image", (3, 24, 32)),
    Shape("image", (1, 24, 32), "uint8"),
    Shape("video", (3, 4, 24, 32), "uint8"),
    Shape("mask", (24, 32), "int64", 3),
)
ROWS = 9


class Case(NamedTuple):
    """A transform and the shape of the field that it changes."""

    transform: Transform
    shape: Shape

    def values(self, rows: int = ROWS, seed: int = 0) -> Any:
        """Return samples [rows, ...] in which some numbers are missing."""
        draws = np.random.default_rng(seed)
        size = (rows, *self.shape.dims)
        if self.shape.dtype == "uint8":
            return draws.integers(0, 256, size, dtype=np.uint8)
        if self.shape.dtype == "int64":
            return draws.integers(0, self.shape.classes or 2, size)
        found = draws.random(size, dtype=np.float32) + np.float32(0.5)
        if self.shape.layout not in {"image", "video"}:
            found[draws.random(size) < 0.1] = np.nan
        return found

    def fit(self, *parts: Any) -> dict[str, list[float]]:
        """Return the statistics of samples given in parts."""
        return self.transform.fit(iter(parts)) if self.transform.fitted else {}

    def apply(self, values: Any, keys: Any, statistics: dict[str, list[float]] | None = None) -> Any:
        """Return changed samples as an array."""
        known = self.fit(self.values()) if statistics is None else statistics
        if self.transform.stored:
            return self.transform.apply(values, known)
        return self.transform.build(self.shape, known)(torch.from_numpy(values), keys).numpy()

    def keys(self, rows: int = ROWS) -> Any:
        """Return a key for each sample."""
        return np.random.default_rng(9).integers(0, 2**64, rows, dtype=np.uint64)


def equal(found: Any, expected: Any, message: str) -> None:
    """Assert that two arrays are the same to the rounding of single precision."""
    assert found.shape == expected.shape, f"{message}: {found.shape}, not {expected.shape}"
    equal_nan = found.dtype.kind == "f"
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-5, equal_nan=equal_nan), message


def samples_have_the_inferred_shape(case: Case) -> None:
    """What comes out has the layout's sizes and the dtype that `infer` says."""
    stated = case.transform.infer(case.shape)
    found = case.apply(case.values(), case.keys())
    assert not isinstance(stated, Problem), stated
    assert found.shape == (ROWS, *stated.dims), f"{found.shape}, not {stated}"
    # Numbers are rounded to single precision when all transforms are done.
    exact = stated.dtype == "float32" and found.dtype == np.float64
    assert exact or str(found.dtype) == stated.dtype, f"{found.dtype}, not {stated.dtype}"


def samples_are_changed_one_by_one(case: Case) -> None:
    """A sample becomes what it becomes alone and in any other batch and order; draws follow its key."""
    values, keys = case.values(), case.keys()
    whole = case.apply(values, keys)
    order = np.array([5, 0, 8, 3])
    equal(case.apply(values[order].copy(), keys[order]), whole[order], "in another batch and order")
    equal(case.apply(values[2:3].copy(), keys[2:3]), whole[2:3], "alone")


def the_samples_given_stay_as_they_are(case: Case) -> None:
    """The transform makes new samples, and asks no generator but that of its keys."""
    values, keys = case.values(), case.keys()
    torch.manual_seed(3)
    np.random.seed(3)  # noqa: NPY002 - the generator that must not matter
    first = case.apply(values, keys)
    equal(values, case.values(), "the samples given")
    torch.manual_seed(4)
    np.random.seed(4)  # noqa: NPY002 - the generator that must not matter
    equal(case.apply(case.values(), keys), first, "with other seeds elsewhere")


def statistics_are_those_of_the_rows_given(case: Case) -> None:
    """They follow from the training samples alone, however these are cut, whatever was seen before."""
    if not case.transform.fitted:
        return
    values = case.values()
    first = case.fit(values)
    case.fit(case.values(seed=5))
    case.apply(case.values(seed=6), case.keys(), first)
    again = case.fit(values)
    parts = case.fit(values[:1], values[1:6], values[6:])
    assert first.keys() == again.keys() == parts.keys(), "other statistics"
    for name, expected in first.items():
        assert again[name] == expected, f"`{name}` follows from other samples too"
        assert parts[name] == pytest.approx(expected, rel=1e-6, abs=1e-9), f"`{name}` of samples in parts"
        assert all(isinstance(item, float) for item in expected), f"`{name}` is not a list of plain numbers"


def what_is_missing_stays_missing(case: Case) -> None:
    """Where a shape is kept, exactly the missing numbers are missing afterwards."""
    if case.shape.dtype != "float32" or case.transform.infer(case.shape) != case.shape:
        return
    values = case.values()
    found = case.apply(values.copy(), case.keys())
    assert np.array_equal(np.isnan(found), np.isnan(values)), "numbers come or go"


def samples_without_a_batch_are_changed_alike(case: Case) -> None:
    """What draws nothing computes the same in `apply`, of which others learn, as in its module."""
    if case.transform.stored or not case.transform.has_apply():
        return
    values, known = case.values(), case.fit(case.values())
    equal(case.transform.apply(values, known), case.apply(values, case.keys(), known), "without a batch")


LAWS: list[Callable[[Case], None]] = [
    samples_have_the_inferred_shape,
    samples_are_changed_one_by_one,
    the_samples_given_stay_as_they_are,
    statistics_are_those_of_the_rows_given,
    what_is_missing_stays_missing,
    samples_without_a_batch_are_changed_alike,
]


def cases(name: str) -> Iterator[Case]:
    """Yield a transform's variants with every shape that they take; a library's as its page shows it."""
    for transform in variants("transforms", name):
        for shape in SHAPES:
            if not isinstance(transform.infer(shape), Problem):
                yield Case(transform, shape)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", names("transforms"))
def test_every_transform_keeps_the_law(name, law):
    """In every variant, on every kind of field that it takes."""
    taken = list(cases(name))
    assert taken, f"`{name}` takes none of the shapes that are tried here"
    for case in taken:
        law(case)


class Right(Transform):
    """Centres numbers."""

    fitted = True

    def infer(self, shape):
        return shape

    def fit(self, batches):
        return {"mean": [float(np.nanmean(np.concatenate([part.ravel() for part in batches])))]}

    def apply(self, values, statistics):
        return (values - statistics["mean"][0]).astype(np.float32)


class Doubled(Right):
    def apply(self, values, statistics):
        return super().apply(values, statistics).astype(np.float16)


class OfTheBatch(Right):
    def apply(self, values, statistics):
        return (values - np.nanmean(values)).astype(np.float32)


class InPlace(Right):
    def apply(self, values, statistics):
        values -= np.float32(statistics["mean"][0])
        return values


class MeanOfMeans(Right):
    def fit(self, batches):
        return {"mean": [float(np.mean([np.nanmean(part) for part in batches if len(part)]))]}


class Filling(Right):
    def apply(self, values, statistics):
        return np.nan_to_num(super().apply(values, statistics))


class OffByOne(nn.Module):
    def forward(self, values, keys):
        return values + 1


class TwoWays(Right):
    stored = False

    def build(self, shape, statistics):
        return OffByOne()


BROKEN: dict[Callable[[Case], None], type[Transform]] = {
    samples_have_the_inferred_shape: Doubled,
    samples_are_changed_one_by_one: OfTheBatch,
    the_samples_given_stay_as_they_are: InPlace,
    statistics_are_those_of_the_rows_given: MeanOfMeans,
    what_is_missing_stays_missing: Filling,
    samples_without_a_batch_are_changed_alike: TwoWays,
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law):
    """A transform that breaks the law does not pass; one that keeps it does."""
    with pytest.raises(AssertionError):
        law(Case(BROKEN[law](), Shape("vector", (3,))))
    law(Case(Right(), Shape("vector", (3,))))


class Loose(nn.Module):
    """Draws from torch's own generator, whatever the keys."""

    def forward(self, values, keys):
        return values + torch.rand(values.shape)


def test_a_draw_that_no_key_decides_is_found():
    """A random transform that does not read its keys breaks both laws of draws."""
    made = type("Unkeyed", (Right,), {"stored": False, "fitted": False, "build": lambda self, *_: Loose()})()
    for law in (samples_are_changed_one_by_one, the_samples_given_stay_as_they_are):
        with pytest.raises(AssertionError):
            law(Case(made, Shape("vector", (3,))))
