"""Probabilities of ordered classes, and losses whose bits repeat."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from declare.nn.losses.cross_entropy import CrossEntropy
from declare.nn.ordinal import exceedance, median


@given(st.integers(1, 6), st.integers(2, 9), st.sampled_from([(), (3,), (2, 2)]))
def test_what_is_beyond_a_class_is_what_the_cumulative_sum_leaves(
    rows: int, classes: int, further: tuple[int, ...]
) -> None:
    """For vectors and for maps of probabilities; the median is where one half is passed."""
    probability = torch.rand(rows, classes, *further, dtype=torch.float64)
    probability /= probability.sum(1, keepdim=True)
    expected = 1 - probability.cumsum(1)[:, :-1]
    torch.testing.assert_close(exceedance(probability), expected)
    assert torch.equal(median(probability), (expected > 0.5).sum(1))


@pytest.mark.parametrize("further", [(), (5,), (4, 3)])
def test_pixels_as_rows_have_the_same_loss(further: tuple[int, ...]) -> None:
    """Where bits must repeat the loss of images is that of their pixels."""
    loss = CrossEntropy(class_weights=[1.0, 2.0, 0.5])
    logits, target = torch.randn(6, 3, *further), torch.randint(-1, 3, (6, *further))
    plain = loss(logits, target)
    torch.use_deterministic_algorithms(mode=True)
    try:
        repeated = loss(logits, target)
    finally:
        torch.use_deterministic_algorithms(mode=False)
    torch.testing.assert_close(repeated, plain)
