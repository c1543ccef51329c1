"""The direct update is the optimizer's own, to the bit."""

import copy

import pytest
import torch

from declare.runtime.step.clip_and_update import make_optimizer_step
from declare.runtime.step.fused_adam import DirectAdam


def model():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.BatchNorm1d(7), torch.nn.Linear(7, 3))


def optimizer_of(kind, net):
    """Return an optimizer with two groups of different rates and decays."""
    groups = [
        {"params": [item for item in net.parameters() if item.dim() > 1], "weight_decay": 0.1, "lr": 0.02},
        {"params": [item for item in net.parameters() if item.dim() == 1], "weight_decay": 0.0},
    ]
    return kind(groups, lr=0.01, fused=True)


def course(kind, direct, *, restart=None):
    """Train with freezing, thawing and changing rates; return weights and optimizer state."""
    net = model()
    optimizer = optimizer_of(kind, net)
    update = make_optimizer_step(optimizer, [], None) if direct else optimizer.step
    draw = torch.Generator().manual_seed(1)
    for step in range(24):
        if step == restart:
            state = copy.deepcopy(optimizer.state_dict())
            optimizer = optimizer_of(kind, net)
            update = make_optimizer_step(optimizer, [], None)
            optimizer.load_state_dict(state)
        net[0].requires_grad_(not 6 <= step < 12)
        net[2].weight.requires_grad_(step >= 3)
        for item in net.parameters():
            item.grad = None
        net(torch.randn(8, 5, generator=draw)).square().mean().backward()
        for group, base in zip(optimizer.param_groups, (0.02, 0.01), strict=True):
            group["lr"] = base * (1 - step / 30)
        update()
    return dict(net.named_parameters()), optimizer.state_dict()


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW])
@pytest.mark.parametrize("restart", [None, 7, 13])
def test_it_is_equal_to_the_optimizer_to_the_bit(kind, restart):
    """Weights and state agree with torch's own steps through freezing, thawing, rates and a restart."""
    weights, state = course(kind, direct=True, restart=restart)
    expected, expected_state = course(kind, direct=False)
    for name, value in expected.items():
        assert torch.equal(value, weights[name]), name
    for index, values in expected_state["state"].items():
        for name, value in values.items():
            assert torch.equal(value, state["state"][index][name]), (index, name)


@pytest.mark.parametrize("changes", [{"fused": False}, {"amsgrad": True}, {"maximize": True}])
def test_unusual_optimizers_keep_their_own_step(changes):
    """What the direct update does not know goes through the optimizer's own step."""
    net = model()
    optimizer = torch.optim.AdamW(net.parameters(), **{"fused": True} | changes)
    assert make_optimizer_step(optimizer, [], None) == optimizer.step
    assert isinstance(
        make_optimizer_step(torch.optim.AdamW(net.parameters(), fused=True), [], None), DirectAdam
    )
    assert not isinstance(
        make_optimizer_step(torch.optim.SGD(net.parameters(), lr=0.1, fused=True), [], None), DirectAdam
    )
