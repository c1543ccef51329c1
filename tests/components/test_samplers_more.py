"""Samplers: every order is a pure function of its generator, and keeps the law that it states."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from declare.contract.problem import ProblemError
from declare.parsing import parser


def order(block, columns=None, number=None, *, seed=0, progress=0.0, steps=(100, 10)):
    """Return the order of an epoch of a settled sampler."""
    columns = {name: np.asarray(values) for name, values in (columns or {}).items()}
    number = number if number is not None else len(next(iter(columns.values())))
    sampler = parser.parse("samplers", block).resolve(*steps)
    return sampler.order(number, columns, np.random.default_rng(seed), progress)


def refused(block, columns, **options):
    """Return the problem that an order ends in."""
    with pytest.raises(ProblemError) as caught:
        order(block, columns, **options)
    return caught.value.problem


def test_sequential_is_the_order_of_the_data():
    """`sequential` gives every position once, in order, in every epoch."""
    assert order({"type": "sequential"}, number=5, seed=1).tolist() == [0, 1, 2, 3, 4]


@given(labels=st.lists(st.integers(-1, 4), min_size=1, max_size=60), seed=st.integers(0, 9))
def test_balanced_shows_classes_equally_often(labels, seed):
    """No class comes more than once more than another; within a class no sample does; missing labels never do."""
    labels = np.array([*labels, 0])
    found = order({"type": "balanced", "field": "label"}, {"label": labels}, seed=seed)
    assert len(found) == len(labels)
    assert (labels[found] >= 0).all()
    if len(labels) >= 6:
        counts = [int((labels[found] == label).sum()) for label in set(labels[labels >= 0].tolist())]
        assert max(counts) - min(counts) <= 1
    for label in set(labels[found].tolist()):
        times = [int((found == place).sum()) for place in np.flatnonzero(labels == label)]
        assert max(times) - min(times) <= 1


def test_balanced_gives_what_does_not_divide_to_other_classes_in_other_epochs():
    """Of 11 samples and three classes, two come once more: not the same ones in every epoch."""
    labels = np.arange(11) % 3
    block = {"type": "balanced", "field": "label"}
    fewest = set()
    for seed in range(20):
        counts = np.bincount(labels[order(block, {"label": labels}, seed=seed)])
        assert sorted(counts) == [3, 4, 4]
        fewest.add(int(counts.argmin()))
    assert fewest == {0, 1, 2}


def test_pairs_leave_out_what_may_be_of_one_origin():
    """A sample whose `different` is missing has no partner: nobody knows whether the two differ."""
    columns = {"movie": [0] * 8, "subject": [0, 1, -1, 0, 1, -1, -1, 2]}
    block = {"type": "pairs", "same": ["movie"], "different": "subject"}
    for seed in range(5):
        assert not {2, 5, 6} & set(order(block, columns, seed=seed).tolist())


def test_balanced_needs_labels():
    """A field of which no value is known is DAT343."""
    problem = refused({"type": "balanced", "field": "label"}, {"label": [-1, -1]})
    assert (problem.code, problem.at) == ("DAT343", "sampler.field")


@pytest.mark.parametrize("values", [[[0, 1], [1, 0]], [0.5, 1.5]])
def test_balanced_needs_classes(values):
    """A vector or a fraction for each sample is DAT343: there is nothing to balance."""
    assert refused({"type": "balanced", "field": "label"}, {"label": values}).code == "DAT343"


@given(
    weights=st.lists(st.one_of(st.just(0.0), st.floats(0.01, 10)), min_size=1, max_size=40),
    seed=st.integers(0, 9),
)
def test_weighted_is_within_one_of_its_share(weights, seed):
    """Each sample comes its share of times, rounded up or down; one of weight 0 never comes."""
    weights = np.array([*weights, 1.0], np.float32)
    found = order({"type": "weighted", "field": "w"}, {"w": weights}, seed=seed)
    times = np.bincount(found, minlength=len(weights))
    shares = len(weights) * weights.astype(np.float64) / weights.astype(np.float64).sum()
    assert len(found) == len(weights)
    assert (np.abs(times - shares) < 1 + 1e-6).all()
    assert (times[weights == 0] == 0).all()


def test_weighted_leaves_out_what_has_no_weight():
    """A missing weight counts as 0."""
    found = order({"type": "weighted", "field": "w"}, {"w": [np.nan, 1.0, np.nan, 3.0]})
    assert set(found.tolist()) == {1, 3}


@pytest.mark.parametrize("weights", [[1.0, -1.0], [1.0, np.inf], [0.0, 0.0], [np.nan, np.nan]])
def test_weights_that_are_none(weights):
    """Negative, infinite, or only zero weights are DAT344."""
    assert refused({"type": "weighted", "field": "w"}, {"w": weights}).code == "DAT344"


@given(
    scores=st.lists(st.floats(0, 1), min_size=1, max_size=40),
    progress=st.floats(0, 1),
    seed=st.integers(0, 9),
)
def test_curriculum_shows_what_the_limit_leaves(scores, progress, seed):
    """Everything at or above the limit is shown equally often, nothing below it."""
    scores = np.array([*scores, 1.0])
    block = {"type": "curriculum", "score": "s", "start": 0.8, "end": 0.0, "over": "50%"}
    found = order(block, {"s": scores}, seed=seed, progress=progress)
    limit = 0.8 * max(0.0, 1 - progress / 0.5)
    near = np.abs(scores - limit) < 1e-9
    times = np.bincount(found, minlength=len(scores))
    assert len(found) == len(scores)
    assert (times[(scores < limit) & ~near] == 0).all()
    shown = times[(scores >= limit) & ~near]
    assert not len(shown) or shown.max() - shown.min() <= 1


def test_curriculum_with_a_rising_limit_shows_small_scores_first():
    """With `start` below `end` the samples at most at the limit are shown: short ones first."""
    block = {"type": "curriculum", "score": "s", "start": 2, "end": 8, "over": "100%"}
    lengths = {"s": [1.0, 2.0, 5.0, 8.0, 9.0]}
    assert set(order(block, lengths).tolist()) == {0, 1}
    assert set(order(block, lengths, progress=0.5).tolist()) == {0, 1, 2}
    assert set(order(block, lengths, progress=1.0).tolist()) == {0, 1, 2, 3}


@pytest.mark.parametrize(("over", "share"), [("5 epochs", 50), ("25 steps", 25), ("20 epochs", 100)])
def test_curriculum_settles_durations(over, share):
    """Epochs and steps become a share of the phase, the whole of it at most."""
    block = {"type": "curriculum", "score": "s", "start": 1, "end": 0, "over": over}
    assert parser.parse("samplers", block).resolve(100, 10).over.value == share


def test_curriculum_of_no_length_is_at_its_end():
    """`over: 0%` starts at the last limit."""
    block = {"type": "curriculum", "score": "s", "start": 1, "end": 0, "over": "0%"}
    assert set(order(block, {"s": [0.0, 0.5]}).tolist()) == {0, 1}


def test_curriculum_without_samples():
    """A limit that no sample reaches is DAT345, which says where the scores lie."""
    block = {"type": "curriculum", "score": "s", "start": 80, "end": 0}
    problem = refused(block, {"s": [0.1, 0.9, np.nan]})
    assert problem.code == "DAT345"
    assert "0.1 and 0.9" in problem.notes[0]
