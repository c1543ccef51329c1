"""Optimizers of phases: groups, weight decay, and rates over the steps."""

import pytest

from declare.lowering.model.graph import make_graph
from declare.lowering.training.optimizer import make_optimizer
from tests.lowering.plans import classify


def made(groups=(), **optimizer):
    """Return (graph, optimizer) of a phase with these groups."""
    sketch = classify()
    phase = sketch.phase(groups=groups, optimizer={"type": "adamw", "lr": 0.01, **optimizer})
    plan = sketch.plan(phase)
    graph = make_graph(plan)
    return graph, make_optimizer(plan, phase, graph)


def rates(graph, optimizer):
    """Return {parameter name: (lr, weight decay)}."""
    names = {id(item): name for name, item in graph.named_parameters()}
    return {
        names[id(item)]: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for item in group["params"]
    }


def test_norms_and_biases_are_not_decayed():
    """Weight decay is for matrices, unless the optimizer says otherwise."""
    assert rates(*made(weight_decay=0.1)) == {
        "encoder.0.weight": (0.01, 0.1),
        "encoder.0.bias": (0.01, 0.0),
        "heads.kind.weight": (0.01, 0.1),
        "heads.kind.bias": (0.01, 0.0),
    }
    everything = rates(*made(weight_decay=0.1, decay_norm_and_bias=True))
    assert {decay for _, decay in everything.values()} == {0.1}


def test_groups_have_rates_of_their_own_and_the_first_wins():
    """A parameter goes to the first group that names it; what no group names has the spec's rates."""
    encoder = ("encoder.0.weight", "encoder.0.bias")
    groups = [
        ("encoder.*", 0.001, None, encoder),
        ("*.bias", 0.5, 0.2, ("encoder.0.bias", "heads.kind.bias")),
    ]
    assert rates(*made(groups, weight_decay=0.1)) == {
        "encoder.0.weight": (0.001, 0.1),
        "encoder.0.bias": (0.001, 0.0),
        "heads.kind.bias": (0.5, 0.2),
        "heads.kind.weight": (0.01, 0.1),
    }


def test_every_parameter_is_in_exactly_one_group():
    """Nothing is left out and nothing is updated twice."""
    graph, optimizer = made([("encoder.*", 0.001, None, ("encoder.0.weight",))])
    found = [id(item) for group in optimizer.param_groups for item in group["params"]]
    assert sorted(found) == sorted(id(item) for item in graph.parameters())


@pytest.mark.parametrize("kind", ["adamw", "adam", "sgd"])
def test_kernels_are_fused_on_the_cpu(kind):
    """The default per-tensor loop of torch is not used where there is a fused kernel."""
    _, optimizer = made(type=kind)
    assert all(group["fused"] for group in optimizer.param_groups)
