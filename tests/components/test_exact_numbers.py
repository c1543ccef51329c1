"""Numbers as sources hold them: fields read them in double precision, transforms compute in it."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from declare.components.fields._exactness import merged_features
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import AXES, Shape
from declare.contract.text_column import TextColumn
from declare.parsing import lookup, parser
from tests.components.conformance import variants

N = 120
LAYOUTS = ("number", "vector", "series")
COLUMNS = {
    "seconds": 1_700_000_000 + np.arange(N),
    "milliseconds": 1_700_000_000_000 + np.arange(N),
    "nanoseconds": 1_700_000_000_000_000_000 + np.arange(N) * 10**9,
    "prices": 1e12 + np.arange(N) * 0.01,
    "tiny": 1e-30 * (1 + np.arange(N)),
    "denormal in single precision": 1e-40 * (1 + np.arange(N)),
    "hardly a double": 1e-300 * (1 + np.arange(N)),
    "both signs": (np.arange(N) - 60) * 1e9 + 0.5,
}


def field(kind):
    """Return a field of this type."""
    return parser.parse("fields", {"type": kind})


def encoded(kind, values):
    """Return a column as its field encodes it."""
    return field(kind).encode(values, field(kind).infer_facts(values))


def shaped(kind, column):
    """Return a column [rows] as samples of a layout."""
    return column.reshape((-1, *[1] * len(AXES[kind])))


@pytest.mark.parametrize("kind", LAYOUTS)
@pytest.mark.parametrize("name", COLUMNS)
def test_standardized_values_stay_apart(name, kind):
    """As many different values reach the model as the source holds, with mean 0 and deviation 1."""
    values = encoded(kind, shaped(kind, COLUMNS[name]))
    rule = parser.parse("transforms", {"type": "standardize", "field": "x"})
    statistics = rule.fit(np.array_split(values, 7))
    found = rule.apply(values, statistics).astype(np.float32)
    assert len(np.unique(found)) == N
    # The mean itself is a double: beside a spread as small as that of the prices its rounding shows.
    assert found.mean(dtype=float) == pytest.approx(0, abs=1e-3 if name == "prices" else 1e-6)
    assert found.std(dtype=float) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("offset", [0.0, 1e6, 1e9, 1e12])
def test_moments_are_numpys_beside_a_large_mean(offset):
    """Batches of uneven size, gaps and a constant channel change nothing."""
    values = np.random.default_rng(0).normal(size=(500, 3)) + offset
    values[::7, 1] = np.nan
    values[:, 2] = offset + 0.1
    found = parser.parse("transforms", {"type": "standardize", "field": "x"}).fit(np.array_split(values, 9))
    wide = values.astype(np.longdouble)
    np.testing.assert_allclose(found["mean"], np.nanmean(wide, 0).astype(float), rtol=1e-14, atol=1e-14)
    np.testing.assert_allclose(found["std"][:2], np.nanstd(wide, 0)[:2].astype(float), rtol=1e-9)
    assert found["std"][2] == 1.0


STORED = [
    (name, kind)
    for name in lookup.own_names("transforms")
    for kind in LAYOUTS
    if lookup.find("transforms", name).stored
    and any(
        not isinstance(block.infer(Shape(kind, (3,) * len(AXES[kind]))), Problem)
        for block in variants("transforms", name)
    )
]


@pytest.mark.parametrize(("name", "kind"), STORED)
def test_stored_transforms_compute_in_double(name, kind):
    """What differs by less than single precision tells apart still differs after each transform of numbers."""
    rng = np.random.default_rng(1)
    near = 1 + rng.uniform(0, 1e-9, (N, *[6] * len(AXES[kind])))
    for block in variants("transforms", name):
        shape = block.infer(Shape(kind, near.shape[1:]))
        if isinstance(shape, Problem) or shape.dtype != "float32":
            continue
        found = block.apply(near, block.fit(iter([near])) if block.fitted else {})
        assert found.dtype == np.float64, block
        if block.effect != "range" and getattr(block, "mode", "") != "std":
            assert len(np.unique(found)) >= N, block


@pytest.mark.parametrize(
    ("dtype", "kept"),
    [
        *(("float16", "float32"), ("float32", "float32"), ("int16", "float32"), ("uint8", "float32")),
        *(("bool", "float32"), ("int32", "float64"), ("int64", "float64"), ("float64", "float64")),
    ],
)
def test_arrays_are_single_where_that_holds_all_of_their_type(dtype, kept):
    """Narrow types cost no more memory than before, wide ones keep their numbers."""
    assert encoded("vector", np.ones((4, 2), dtype)).dtype == kept


BEYOND = 2**60 + np.arange(N)
NUMBERS = {
    "array": BEYOND,
    "unsigned": (2**63 + np.arange(N).astype(np.uint64)).astype(np.uint64),
    "list": [int(value) for value in BEYOND],
    "list with a gap": [*(int(value) for value in BEYOND), None],
    "texts": TextColumn.of([str(value) for value in BEYOND]),
    "texts with decimals": TextColumn.of([f"1700000000000.{place:09d}" for place in range(N)]),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_that_doubles_merge_are_refused(name):
    """Whole numbers beyond 2^53, and decimals beyond 16 digits, that are close to each other."""
    with pytest.raises(ProblemError) as caught:
        field("number").infer_facts(NUMBERS[name])
    assert caught.value.problem.code == "DAT306"


def test_features_that_doubles_merge_are_refused():
    """Each feature by itself: beside a far wider one it is merged all the same."""
    with pytest.raises(ProblemError) as caught:
        field("vector").infer_facts(np.stack([np.arange(N), BEYOND], 1))
    assert caught.value.problem.code == "DAT306"


@pytest.mark.parametrize(
    "values",
    [
        2**60 + np.arange(N) * 2**40,
        np.full(N, 2**60 + 1),
        [5, 5, -1, 5],
        TextColumn.of(["5", "5.0", "5.00"]),
        TextColumn.of(["0.1234567890123456789", "0.2", "0.3"]),
    ],
)
def test_rounding_that_merges_nothing_passes(values):
    """Numbers far from each other, one number alone, marks, other ways to write a number."""
    parser.parse("fields", {"type": "number", "missing": [-1]}).infer_facts(values)


def test_facts_of_extreme_numbers_are_numbers():
    """Mean and deviation of numbers whose squares are none."""
    for size in (1e300, 1e-300):
        facts = field("number").infer_facts(np.array([1.0, 2.0, 3.0]) * size)
        assert facts.mean == pytest.approx(2 * size)
        assert facts.std == pytest.approx(np.sqrt(2 / 3) * size)


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("vector", [[2**64 - 1, 0], [2**64 - 2, 1]]),
        ("number", np.longdouble(2) ** 60 + np.arange(3)),
        ("series", [[[2**62, 2**62 + 1]], [[2**62 + 2, 2**62 + 3]]]),
    ],
)
def test_numbers_of_any_form_that_doubles_merge_are_refused(kind, values):
    with pytest.raises(ProblemError) as caught:
        parser.parse("fields", {"type": kind}).infer_facts(values)
    assert caught.value.problem.code == "DAT306"


def test_a_vector_of_no_numbers_is_refused():
    with pytest.raises(ProblemError) as caught:
        parser.parse("fields", {"type": "vector"}).infer_facts(np.zeros((4, 0)))
    assert caught.value.problem.code == "DAT319"


BIG = 2**53


@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("series", [[BIG, BIG + 1], [BIG + 2]]),
        ("series", [[[BIG, BIG + 1], [0, 1]], [[BIG + 2], [2]]]),
        ("series", [np.array([BIG, BIG + 1]), np.array([BIG + 2])]),
        ("vector", [[BIG, BIG + 1], [BIG + 2]]),
    ],
)
def test_integers_of_uneven_samples_are_not_merged(kind, rows):
    """As in a table: different whole numbers of a channel that doubles make one are refused."""
    with pytest.raises(ProblemError) as caught:
        field(kind).infer_facts(rows)
    assert caught.value.problem.code == "DAT306"
    halves = [(np.array(row) // 2).tolist() for row in rows]
    assert field(kind).infer_facts(halves).maximum == (BIG + 2) // 2


def test_integers_of_uneven_samples_are_compared_as_they_lie():
    """The channels of [time, channels] are its columns."""
    rows = [[[BIG, 0], [BIG + 1, 1]], [[BIG + 2, 2]]]
    with pytest.raises(ProblemError) as caught:
        parser.parse("fields", {"type": "series", "layout": "time_channels"}).infer_facts(rows)
    assert caught.value.problem.code == "DAT306"


@given(
    st.lists(st.lists(st.integers(0, 6), min_size=3, max_size=3), min_size=1, max_size=5),
    st.sampled_from([0, 2**53 - 3, 2**62]),
    st.sampled_from([np.int64, np.float64, object]),
)
def test_features_that_lost_a_value_are_found_all_at_once(steps, base, kind):
    """What is compared in one go for all features is what is compared for each."""
    raw = np.array([[base + step for step in row] for row in steps], kind)
    numbers = np.array(raw.tolist(), np.float64)
    lost = [n for n in range(3) if len(set(raw[:, n].tolist())) > len(set(numbers[:, n].tolist()))]
    assert merged_features(raw, numbers, [0, 1, 2]) == lost
    assert merged_features(raw, numbers, [2]) == [n for n in lost if n == 2]


def test_a_sample_of_many_equal_features_is_compared_at_once():
    """Two samples of 300,000 constant features take no time that can be noticed."""
    start = time.process_time()
    facts = field("vector").infer_facts([[1] * 300_000, [2**53 + 2] * 300_000])
    assert facts.shape.dims == (300_000,)
    assert time.process_time() - start < 10


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint64", "float16", "float64"])
@pytest.mark.parametrize("mark", [1, 1.0, 0.5, 2**63, -(2**70), 1e308])
def test_a_mark_of_any_size_is_compared_with_any_type(dtype, mark):
    """What a type cannot hold does not occur in its columns."""
    made = parser.parse("fields", {"type": "number", "missing": [mark]})
    values = np.array([0, 1], dtype)
    gaps = np.isnan(made.encode(values, made.infer_facts(values)))
    assert gaps.tolist() == [False, mark == 1]
