"""Norms that share nothing in a forward pass: several processes give them the mean of what each has seen."""

from __future__ import annotations

import torch
from torch import nn

from declare.nn.running_statistics import StatisticsBySize
from declare.runtime.setup.phase import unshared_statistics


def test_statistics_of_instance_norms_are_averaged_at_all_sizes() -> None:
    """Those of instance norms, at every size, and none of batch norms, which share theirs."""
    graph = nn.Sequential(nn.InstanceNorm2d(3, track_running_stats=True), nn.BatchNorm2d(3))
    statistics = StatisticsBySize(graph, [4, 8], 8)
    found = unshared_statistics(graph, statistics)
    own = [graph[0].running_mean, graph[0].running_var]
    with statistics.at(4):
        other = [graph[0].running_mean, graph[0].running_var]
    assert {id(item) for item in found} == {id(item) for item in (*own, *other)}
    assert all(isinstance(item, torch.Tensor) for item in found)
    assert unshared_statistics(nn.BatchNorm1d(2), None) == []
