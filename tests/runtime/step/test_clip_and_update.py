"""Clipping and the optimizer's step."""

from __future__ import annotations

import pytest
import torch

from declare.runtime.step.clip_and_update import make_clip


@pytest.mark.parametrize("block", [{"value": 0.1}, {"norm": 0.1}, {"value": 0.1, "norm": 0.1}])
def test_nothing_is_clipped_where_everything_is_frozen(block):
    """A step in which no parameter has a gradient is no failure."""
    parameter = torch.nn.Parameter(torch.ones(3))
    make_clip(block, [parameter], torch.optim.SGD([parameter], lr=0.1), None)()
    assert parameter.grad is None


@pytest.mark.parametrize(("block", "expected"), [({"value": 0.5}, 0.5), ({"norm": 1.0}, 0.5), (None, 2.0)])
def test_gradients_are_clipped(block, expected):
    """By the largest value of each, or by the norm of all."""
    parameter = torch.nn.Parameter(torch.ones(4))
    parameter.grad = torch.full((4,), 2.0)
    make_clip(block, [parameter], torch.optim.SGD([parameter], lr=0.1), None)()
    torch.testing.assert_close(parameter.grad, torch.full((4,), expected))
