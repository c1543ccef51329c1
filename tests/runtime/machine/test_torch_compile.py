"""A model that torch.compile cannot keep up with ends in a finding, and has room for each of its nodes before."""

from __future__ import annotations

import torch
from torch import nn
from torch._dynamo import config, exc

from declare.runtime.errors import problem_outside_step
from declare.runtime.machine import torch_compile


def test_a_compilation_that_fails_is_a_finding():
    """PHS655 names torch's own words; another error is none of ours."""
    problem = problem_outside_step(exc.FailOnRecompileLimitHit("too many shapes\nmore"))
    assert problem is not None
    assert problem.code == "PHS655"
    assert "too many shapes" in problem.notes[0]
    assert torch_compile.compile_problem(RuntimeError("something else")) is None


class Broken(nn.Module):
    """Passes different layers through one function that torch cannot trace in one piece."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(size, size + 1) for size in range(1, count + 1))

    def forward(self, x):
        for layer in self.layers:
            x = called(layer, x)
        return x


def called(layer, x):
    torch._dynamo.graph_break()
    return layer(x)


def test_each_node_may_pass_through_a_function(tmp_path, monkeypatch):
    """A graph of more nodes than torch's own limit of recompilations compiles where its trace breaks."""
    monkeypatch.setattr(torch_compile.user_cache, "folder", lambda *_: tmp_path)
    own = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda self: own(self, backend="eager"))
    with config.patch(recompile_limit=2, accumulated_recompile_limit=2, fail_on_recompile_limit_hit=False):
        graph = Broken(4)
        with torch.no_grad():
            expected = graph(torch.ones(2, 1))
            torch_compile.compile_graph(graph)
            torch.testing.assert_close(graph(torch.ones(2, 1)), expected)
