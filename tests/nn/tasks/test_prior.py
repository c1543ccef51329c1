"""Logits that training targets alone lead to."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from declare.nn.tasks.ordinal import Ordinal
from declare.nn.tasks.prior import class_logits, conditional_logits, constant, label_logits

COUNTS = st.lists(st.integers(0, 1000), min_size=2, max_size=6).filter(any)


@given(COUNTS)
def test_softmax_gives_the_shares(counts):
    """The softmax of the logits is the share of each class, one sample more of each where some class has none."""
    seen = torch.tensor(counts, dtype=torch.float64)
    seen = seen if all(counts) else seen + 1
    assert torch.allclose(class_logits(counts).double().softmax(0), seen / seen.sum(), atol=1e-6)


@given(COUNTS)
def test_ordinal_probabilities_give_the_shares(counts):
    """Conditional probabilities multiplied are the same shares."""
    adapter = Ordinal(target="t")
    probability = adapter.logits(conditional_logits(counts).unsqueeze(0)).exp()[0]
    assert torch.allclose(probability.float(), class_logits(counts).exp(), atol=1e-5)


def test_nothing_counted_is_no_prior():
    """Without counts there are no logits, and nothing is made up."""
    assert class_logits(None) is None
    assert class_logits((0, 0)) is None
    assert conditional_logits(()) is None
    assert label_logits(None) is None
    assert constant(None, torch.zeros(2, 3), 1) is None


def test_label_rates_stay_finite():
    """Labels that always or never hold have finite logits."""
    logits = label_logits((0.0, 0.25, 1.0))
    assert logits.isfinite().all()
    assert logits.sigmoid()[1].item() == pytest.approx(0.25)


@pytest.mark.parametrize(("shape", "axis"), [((4, 3), 1), ((4, 3, 2, 2), 1), ((4, 5, 3), -1)])
def test_the_same_answer_at_every_place(shape, axis):
    """Logits stand along the axis of the classes, at every sample and place."""
    logits = torch.tensor([1.0, 2.0, 3.0])
    spread = constant(logits, torch.zeros(shape), axis)
    assert spread.shape == shape
    assert torch.equal(spread.movedim(axis, -1), logits.expand_as(spread.movedim(axis, -1)))
