"""The moving average: of weights, and of the running statistics that belong to them."""

from __future__ import annotations

import torch
from torch import nn

from declare.lowering.training.ema import EMA


def test_norm_statistics_are_averaged_as_weights_are() -> None:
    """Means and variances of norms follow the same decay; inside `average_parameters` the model has both, outside neither."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    average = EMA(model, 0.5)
    mean, weight = model[1].running_mean.clone(), model[0].weight.detach().clone()
    for number in range(6):
        with torch.no_grad():
            model(torch.randn(4, 2) + number)
            model[0].weight.add_(1.0)
        average.update()
        decay = min(0.5, (1 + number) / (10 + number))
        mean.lerp_(model[1].running_mean, 1 - decay)
        weight.lerp_(model[0].weight.detach(), 1 - decay)
    own = model[1].running_mean.clone()
    with average.average_parameters():
        torch.testing.assert_close(model[1].running_mean, mean)
        torch.testing.assert_close(model[0].weight.detach(), weight)
    assert torch.equal(model[1].running_mean, own)
    again = EMA(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)), 0.5)
    again.load_state_dict(average.state_dict())
    assert torch.equal(again.state_dict()["statistics"]["1.running_mean"], mean)


def test_statistics_of_another_size_are_averaged_anew() -> None:
    """After a change of size the average of statistics forgets those of the size before; that of weights does not."""
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    average = EMA(model, 0.99)
    for _ in range(50):
        average.update()
    with torch.no_grad():
        model[1].running_mean.fill_(5.0)
    average.restart_statistics()
    average.update()
    assert average.state_dict()["statistics"]["1.running_mean"].eq(5.0).all()
    assert average.state_dict()["updates"] == 51
