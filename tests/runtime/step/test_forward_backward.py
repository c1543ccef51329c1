"""Passes of micro-batches: what norms count."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from declare.nn.distributed.process_group import SINGLE_PROCESS
from declare.nn.running_statistics import norm_buffers
from declare.runtime.step.forward_backward import StatisticsOncePerStep

DATASETS_BY_MODULE = {"encoder.one": ("one",), "encoder.two": ("two",), "encoder": ("one", "two")}


class Passes:
    """Passes that only show each norm the rows of its dataset."""

    def __init__(self, graph: nn.Module) -> None:
        self.graph = graph

    def start_step(self, number, micro_batches):
        """Do nothing."""

    def __call__(self, number, batch, denominators, seed, *, last):
        for name, fields in batch.items():
            self.graph["encoder"][name](fields["x"])
        return torch.zeros(()), torch.zeros(1)

    def finish_step(self, loss, terms, seed):
        """Return the losses."""
        return loss, terms


@pytest.mark.parametrize(
    "cuts",
    [
        {"one": (4, 5), "two": (1, 2)},
        {"one": (4, 5, 5), "two": (1, 2)},
        {"one": (4, 5)},
    ],
)
def test_norms_of_a_dataset_count_its_rows_alone(cuts: dict[str, tuple[int, ...]]) -> None:
    """Running means after micro-batches are those after the whole batch, however many hold rows of the dataset."""
    draw = torch.Generator().manual_seed(0)
    rows = {name: torch.randn(sum(parts), 3, 4, generator=draw) for name, parts in cuts.items()}
    pieces = {name: rows[name].split(parts) for name, parts in cuts.items()}
    micro_batches = [
        {name: {"x": parts[index]} for name, parts in pieces.items() if index < len(parts)}
        for index in range(max(map(len, pieces.values())))
    ]
    graph = nn.ModuleDict(
        {"encoder": nn.ModuleDict({name: nn.BatchNorm1d(3) for name in ("one", "two")})}
    ).train()
    config = SimpleNamespace(
        world=SINGLE_PROCESS,
        precision=SimpleNamespace(device=torch.device("cpu")),
        datasets_by_module=DATASETS_BY_MODULE,
    )
    passes = StatisticsOncePerStep(Passes(graph), norm_buffers(graph), config)
    passes.start_step(0, micro_batches)
    for batch in micro_batches:
        loss, terms = passes(0, batch, None, 0, last=False)
    passes.finish_step(loss, terms, 0)
    for name in ("one", "two"):
        whole = nn.BatchNorm1d(3).train()
        if name in rows:
            whole(rows[name])
        torch.testing.assert_close(graph["encoder"][name].running_mean, whole.running_mean)
