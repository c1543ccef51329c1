"""What norms count in a phase: the rows of their datasets, and in several processes the mean of what each has seen."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from declare.compiler.pipeline import check
from declare.lowering.model.graph import make_graph
from declare.nn.running_statistics import StatisticsBySize
from declare.runtime.setup.phase import datasets_by_module, unshared_statistics


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


SPEC = """declare: 1
name: two
datasets:
  one: {source: {type: simulated, name: textures, samples: 20, classes: 3, size: 8}, split: {val: 0.2}}
  two: {source: {type: simulated, name: textures, samples: 20, classes: 3, size: 8}, split: {val: 0.2}}
model:
  stem: {type: cnn, channels: [4], input: image, per_dataset: true}
  encoder: {type: cnn, channels: [4], input: stem.map}
tasks:
  texture: {type: classification, datasets: [one, two], target: label}
phases:
  fit: {steps: 2, batch_size: 8, accumulate: 2, optimizer: {type: sgd, lr: 1e-3}}
"""


def test_each_module_gets_the_rows_of_its_datasets(tmp_path: Path) -> None:
    """Instances of a dataset get its rows, shared modules those of all, under the names of the graph."""
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    plan = check(path).plan
    assert plan is not None
    both = ("one", "two")
    assert datasets_by_module(plan) == {
        "stem.one": ("one",),
        "stem.two": ("two",),
        "encoder": both,
        "heads.texture": both,
    }
    assert set(datasets_by_module(plan)) == set(make_graph(plan).modules_by_path)
