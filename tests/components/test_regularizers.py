"""Regularizers: the penalty that each one names."""

import math

import pytest
import torch

from declare.parsing import parser


def penalty(block, *parameters):
    """Return the penalty of a block on parameters."""
    return parser.parse("regularizers", {"match": "*", "weight": 1.0, **block}).build()(list(parameters))


def test_sums_of_values_and_squares():
    """`l1` and `l2` over all matching parameters together."""
    one, two = torch.tensor([[1.0, -2.0]]), torch.tensor([3.0])
    assert penalty({"type": "l1"}, one, two).item() == 6.0
    assert penalty({"type": "l2"}, one, two).item() == 14.0


def test_group_lasso_sums_the_norms_of_units():
    """Rows by output, columns by input, each times the root of its size; vectors are one group."""
    weight = torch.tensor([[3.0, 4.0], [0.0, 0.0], [6.0, 8.0]])
    assert penalty({"type": "group_lasso"}, weight).item() == pytest.approx(15 * math.sqrt(2))
    columns = (math.sqrt(45) + math.sqrt(80)) * math.sqrt(3)
    assert penalty({"type": "group_lasso", "by": "input"}, weight).item() == pytest.approx(columns)
    assert penalty({"type": "group_lasso"}, torch.tensor([3.0, 4.0])).item() == pytest.approx(
        5 * math.sqrt(2)
    )


def test_smoothness_is_zero_for_what_does_not_bend():
    """First differences vanish for constants, second ones for lines; only kernel axes count."""
    line = torch.arange(5.0).expand(2, 3, 5)
    assert penalty({"type": "smoothness"}, torch.ones(2, 3, 5)).item() == 0.0
    assert penalty({"type": "smoothness"}, line).item() == 2 * 3 * 4
    assert penalty({"type": "smoothness", "order": 2}, line).item() == 0.0
    rough = torch.zeros(1, 1, 3, 3)
    rough[0, 0, 1, 1] = 1.0
    assert penalty({"type": "smoothness"}, rough).item() == 4.0
