"""Samples of similar length stand together."""

from __future__ import annotations

import numpy as np

from declare.contract.problem import Problem
from declare.contract.shapes import Shape
from declare.parsing import parser


def sampler(rows, **block):
    made = parser.parse("samplers", {"type": "length_buckets", **block})
    return made.with_fields({"text": Shape("tokens", (50,), "int64", 9)}).for_batches(rows)


def texts(lengths):
    return np.asarray(lengths)


def test_batches_hold_little_padding():
    """Padding is a small part of what it is in random order, and batches do not come by length."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 51, 640)
    order = sampler(16).order(640, {"text": texts(lengths)}, rng, 0.0)

    def padding(found):
        batches = lengths[found].reshape(-1, 16)
        return (batches.max(1, keepdims=True) - batches).sum()

    assert padding(order) < 0.1 * padding(rng.permutation(640))
    longest = lengths[order].reshape(-1, 16).max(1)
    assert not (np.diff(longest) >= 0).all()


def test_the_batch_that_is_not_full_comes_last():
    """All other batches keep their samples together."""
    lengths = np.arange(1, 24)
    order = sampler(5, batches=100).order(23, {"text": texts(lengths)}, np.random.default_rng(1), 0.0)
    spans = [np.ptp(lengths[order[start : start + 5]]) for start in range(0, 20, 5)]
    assert max(spans) <= 8


def test_parts_of_a_batch_are_alike_for_every_process():
    """The first half of a batch is not the short one: both processes get as much work on average."""
    rng = np.random.default_rng(2)
    lengths = rng.integers(1, 51, 1600)
    order = sampler(16).order(1600, {"text": texts(lengths)}, rng, 0.0)
    halves = lengths[order].reshape(-1, 2, 8).sum((0, 2))
    assert abs(halves[0] / halves[1] - 1) < 0.02


def test_a_dataset_without_text_has_no_lengths():
    """The sampler says so instead of ordering by nothing."""
    made = parser.parse("samplers", "length_buckets")
    assert isinstance(made.with_fields({"image": Shape("image", (3, 8, 8))}), Problem)


def test_fields_that_could_not_be_read_are_not_asked_for():
    """The finding of an empty list or of a name that is none is enough."""
    for stated in ([], 5, [5]):
        made, problems = parser.read("samplers", {"type": "length_buckets", "fields": stated})
        assert len(problems) == 1
        assert made.columns() == ()
        assert made.with_fields({}) is made
