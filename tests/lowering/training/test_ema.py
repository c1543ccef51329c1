"""The moving average: of weights, and of the running statistics that belong to them."""

from __future__ import annotations

import pytest
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


@pytest.mark.parametrize("warmup", [True, False])
def test_statistics_of_another_size_are_averaged_anew(warmup: bool) -> None:
    """After a change of size the average of statistics forgets those of the size before; that of weights does not."""
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    average = EMA(model, 0.99, warmup=warmup)
    for _ in range(50):
        average.update()
    with torch.no_grad():
        model[1].running_mean.fill_(5.0)
    average.restart_statistics()
    average.update()
    assert average.state_dict()["statistics"]["1.running_mean"].eq(5.0).all()
    assert average.state_dict()["updates"] == 51


@pytest.mark.parametrize("warmup", [True, False])
def test_a_resumed_average_goes_on_as_if_nothing_had_happened(warmup: bool) -> None:
    """The number of updates decides the decay: a state holds that of weights and, since the last restart, of statistics."""
    models = [nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)) for _ in range(2)]
    averages = [EMA(model, 0.9, warmup=warmup) for model in models]

    def change(number: int, *which: int) -> None:
        for index in which:
            with torch.no_grad():
                models[index][0].weight.fill_(number)
                models[index][1].running_mean.fill_(number)
            averages[index].update()

    for number in range(5):
        change(number, 0)
        if number == 2:
            averages[0].restart_statistics()
    averages[1].load_state_dict(averages[0].state_dict())
    for number in range(5, 9):
        change(number, 0, 1)
    states = [average.state_dict() for average in averages]
    for key, name in (("weights", "0.weight"), ("statistics", "1.running_mean")):
        assert torch.equal(states[0][key][name], states[1][key][name])


def test_a_new_size_needs_few_updates_without_warm_up_too() -> None:
    """A new size begins with the running statistics of the size before: the average does not keep them."""
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    average = EMA(model, 0.999, warmup=False)
    average.update()
    average.restart_statistics()  # at 0, those of the size before
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        model[1].running_mean.fill_(5.0)
    for _ in range(20):
        average.update()
    state = average.state_dict()
    assert state["statistics"]["1.running_mean"].gt(4.99).all()
    assert state["weights"]["0.weight"].lt(0.9).all()


def test_a_restart_takes_the_statistics_of_the_moment() -> None:
    """Until the next update the average holds the statistics that the model has, whatever it held before."""
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    average = EMA(model, 0.99)
    with torch.no_grad():
        model[1].running_mean.fill_(5.0)
    average.restart_statistics()
    with average.average_parameters():
        assert model[1].running_mean.eq(5.0).all()


def test_new_statistics_warm_up_from_the_start() -> None:
    """Statistics that a phase begins with, of other data or another size, are no part of the average; weights are."""
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    averages = {new: EMA(model, 0.999, warmup=False, new_statistics=new) for new in (True, False)}
    with torch.no_grad():
        model[0].weight.fill_(1.0)
        model[1].running_mean.fill_(5.0)
    for _ in range(20):
        for average in averages.values():
            average.update()
    means = {new: average.state_dict()["statistics"]["1.running_mean"] for new, average in averages.items()}
    assert means[True].gt(4.99).all()
    assert means[False].lt(0.1).all()
    assert averages[True].state_dict()["weights"]["0.weight"].lt(0.9).all()
