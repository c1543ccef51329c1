"""Samplers and positives are tried on the columns of the training split before anything is trained."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from declare.contract.kinds.field import pairing_key
from declare.contract.shapes import Shape
from declare.data.facts.sampler_orders import refused_orders, with_positive
from declare.nn.losses.pairs import positives
from declare.nn.tasks.contrastive import Contrastive

SHAPES = {"w": Shape("number", ()), "k": Shape("category", (), "int64"), "s": Shape("id", (), "int64")}
TRAIN = np.arange(4)
SERVED = [
    ({"type": "weighted", "field": "w"}, {"w": [0, 1, np.nan, 2, -1, np.inf]}, ""),
    ({"type": "weighted", "field": "w"}, {"w": [1, 1, -1, 1, 1, 1]}, "DAT344"),
    ({"type": "weighted", "field": "w"}, {"w": [0, 0, np.nan, 0, 1, 1]}, "DAT344"),
    ({"type": "curriculum", "score": "w", "start": 2, "end": 0}, {"w": [0, 1, 1, 2, 0, 0]}, ""),
    ({"type": "curriculum", "score": "w", "start": 2, "end": 0}, {"w": [0, 1, 1, 1, 2, 3]}, "DAT345"),
    ({"type": "curriculum", "score": "w", "start": 0, "end": 2}, {"w": [np.nan] * 4 + [0, 0]}, "DAT345"),
    ({"type": "balanced", "field": "k"}, {"k": [-1, -1, 0, 1, -1, -1]}, ""),
    ({"type": "balanced", "field": "k"}, {"k": [-1, -1, -1, -1, 0, 1]}, "DAT343"),
    (
        {"type": "pairs", "same": ["k"], "different": "s"},
        {"k": [0, 0, 1, 2, 3, 3], "s": [0, 1, 0, 0, 0, 1]},
        "",
    ),
    (
        {"type": "pairs", "same": ["k"], "different": "s"},
        {"k": [0, 0, 1, 1, 0, 1], "s": [0, 0, 0, 0, 1, 1]},
        "DAT353",
    ),
    ({"type": "pairs", "same": ["k"]}, {"k": [0, 1, 2, 3, 0, 0]}, "DAT353"),
]


@pytest.mark.parametrize(("block", "columns", "code"), SERVED)
def test_a_sampler_is_refused_where_the_training_split_cannot_serve_it(block, columns, code):
    """What other splits hold neither helps nor harms."""
    text = json.dumps(block)
    columns = {name: np.asarray(values, float if name == "w" else int) for name, values in columns.items()}
    found = refused_orders((text,), SHAPES, columns, TRAIN)
    assert [item["code"] for item in found.values()] == [code] * bool(code)


def test_a_sampler_of_columns_that_are_not_there_is_left_to_others():
    """A field that is unknown or too heavy to be read is another finding, or none."""
    assert refused_orders(('{"type": "weighted", "field": "w"}',), SHAPES, {}, TRAIN) == {}


NAMES = arrays.arrays(np.int64, 9, elements=st.integers(-1, 2))


@given(first=NAMES, second=NAMES, origin=NAMES, differs=st.booleans())
def test_positives_are_those_of_the_loss(first, second, origin, differs):
    """Counted by split, the samples with a positive are those whose loss counts."""
    columns = {"a": first, "b": second, "s": origin}
    pairing = (("a", "b"), "s" if differs else None)
    splits = {"train": np.arange(6), "val": np.arange(6, 9)}
    task = Contrastive(same=["a", "b"], different=pairing[1])
    found = with_positive((pairing,), columns, splits)[pairing_key(pairing)]
    for split, rows in splits.items():
        target = task.target({name: torch.from_numpy(column[rows]) for name, column in columns.items()})
        assert found[split] == int(positives(target).any(1).sum())


@pytest.mark.parametrize(
    "other", [np.array([0.5, 1.5, 2.5]), np.zeros((3, 2), np.int64)], ids=["numbers", "several"]
)
def test_positives_are_told_by_one_code_a_sample(other):
    """A field that holds something else is another finding, and counts nothing."""
    columns = {"same": np.zeros(3, np.int64), "other": other}
    assert with_positive(((("same",), "other"),), columns, {"train": np.arange(3)}) == {}
