"""Weights by how fast losses fall, computed by hand."""

import pytest
import torch

from declare.nn.balances.dynamic import Dynamic


def weights(losses: list[list[float]], every: int) -> list[list[float]]:
    """Return the weights of two tasks after each step with these losses."""
    balance = Dynamic([0, 1], [1.0, 1.0], 2, every=every, temperature=2.0)
    found = []
    for number, terms in enumerate(losses):
        balance.start_step(number, [])
        balance.finish_step(torch.tensor(terms), 1.0, number)
        found.append(balance.factors().tolist())
    return found


def expected(ratios: list[float]) -> list[float]:
    """Return the weights for these ratios of mean losses."""
    return (2 * torch.softmax(torch.tensor(ratios) / 2.0, 0)).tolist()


def test_weights_change_at_the_end_of_each_window_but_the_first() -> None:
    """They follow from the mean of a window over that of the one before."""
    found = weights([[4.0, 1.0], [2.0, 1.0], [2.0, 3.0], [1.0, 1.0], [9.0, 9.0]], every=2)
    assert found[:3] == [[1.0, 1.0]] * 3
    assert found[3] == pytest.approx(expected([1.5 / 3.0, 2.0 / 1.0]))
    assert found[4] == found[3]


def test_a_window_without_a_task_keeps_the_mean_that_it_had() -> None:
    """Steps without a valid target (a loss of 0) count nowhere; a whole window of them gives the ratio 1."""
    found = weights([[4.0, 2.0], [2.0, 0.0], [2.0, 6.0]], every=1)
    assert found[1] == pytest.approx(expected([0.5, 1.0]))
    assert found[2] == pytest.approx(expected([1.0, 3.0]))
