"""Gradients of tasks where there are no parameters."""

from __future__ import annotations

import torch

from declare.nn.balances.gradients import Gradients


def test_everything_is_frozen() -> None:
    """Tasks have nothing in common then, and nothing is written."""
    frozen = torch.nn.Parameter(torch.ones(2), requires_grad=False)
    gradients = Gradients([frozen], 3)
    assert gradients.products().tolist() == [[0.0] * 3] * 3
    gradients.write(torch.ones(3))
    assert frozen.grad is None
