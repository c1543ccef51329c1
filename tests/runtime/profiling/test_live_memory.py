"""The ledger counts what is alive, by part and module, and FLOPs as published figures do."""

from __future__ import annotations

import torch
from torch import nn

from declare.runtime.profiling.live_memory import LiveMemory


def test_peak_of_a_forward_and_a_backward_pass():
    """Of two linear layers: weights, what the backward pass needs, its own tensors, the gradients made so far."""
    model = nn.Sequential(nn.Linear(100, 200), nn.ReLU(), nn.Linear(200, 10))
    x = torch.zeros(32, 100)
    memory = LiveMemory()
    memory.add("weights", model.parameters())
    with memory, memory.modules({"first": model[0], "second": model[2]}):
        with memory.during("forward"):
            loss = model(x).sum()
        hidden = 4 * 32 * 200
        assert memory.peak.of_part("weights") == 4 * (100 * 200 + 200 + 200 * 10 + 10)
        assert memory.peak.size >= memory.peak.of_part("weights") + 2 * hidden - hidden // 2
        memory.watch()
        with memory.during("backward"):
            loss.backward()
    weights = [item.grad for item in model.parameters() if item.grad is not None]
    memory.add("gradients", weights)
    assert memory.peak.of_part("gradients") > 0
    assert sum(memory.peak.sizes.values()) == memory.peak.size
    forward = {"first": 2 * 32 * 100 * 200, "second": 2 * 32 * 200 * 10}
    assert {path: memory.flops["forward", path] for path in forward} == forward
    assert memory.flops["backward", "first"] == forward["first"], "no gradient of the input is needed"
    assert memory.flops["backward", "second"] == 2 * forward["second"]


def test_what_is_gone_does_not_count():
    """A tensor's bytes are free when the last tensor on its storage is; a view adds none."""
    memory = LiveMemory()
    with memory:
        first = torch.zeros(1000)
        view = first[10:]
        del first
        assert memory.peak.size == 4000
        del view
        memory.watch()
        second = torch.zeros(500)
    assert memory.peak.size == 2000
    assert len(second) == 500


def test_samples_that_are_held_whole_do_not_count():
    """What was there before is only read."""
    table = torch.zeros(10_000)
    memory = LiveMemory()
    with memory:
        rows = table.index_select(0, torch.arange(10))
    assert memory.peak.size == rows.nbytes + 8 * 10


def test_backward_passes_of_grouped_convolutions():
    """Each of both gradients takes as many FLOPs as the convolution."""
    layer = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
    memory = LiveMemory()
    with memory:
        with memory.during("forward"):
            loss = layer(torch.zeros(2, 8, 5, 5, requires_grad=True)).sum()
        with memory.during("backward"):
            loss.backward()
    assert memory.flops["forward", ""] == 2 * 2 * 25 * 8 * 9
    assert memory.flops["backward", ""] == 2 * memory.flops["forward", ""]
