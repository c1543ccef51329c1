"""Balances: the gradients of several tasks become one as the papers say; watching changes nothing."""

import math

import pytest
import torch

from declare.lowering.model.graph import make_graph
from declare.lowering.training.objective import Objective
from declare.nn.balances.dynamic import Dynamic
from declare.nn.balances.pcgrad import PCGrad
from declare.nn.balances.uncertainty import Uncertainty
from tests.lowering.plans import two_datasets
from tests.lowering.training.test_objective import cut, drawn


def made(**changes):
    """Return (graph, objective) of three tasks on two data sets, always with the same weights."""
    torch.manual_seed(0)
    sketch = two_datasets()
    plan = sketch.plan(sketch.phase(**changes))
    graph = make_graph(plan)
    return graph, Objective(plan, plan.phases[0], graph)


def grown(graph, objective, batch, pieces=1):
    """Return the gradients by name after one step of `pieces` micro-batches."""
    parameters = [*graph.parameters(), *objective.balance.parameters()] if objective.balance else []
    if objective.balance is not None:
        objective.balance.start_step(0, parameters)
    totals = objective.denominators(batch)
    parts = 0.0
    for piece in cut(batch, pieces):
        loss, found = objective(piece, totals)
        (objective.balance.backward if objective.balance else torch.Tensor.backward)(loss)
        parts = parts + found
    if objective.balance is not None:
        term = objective.balance.finish_step(parts, 1.0, 5)
        if term is not None:
            term.backward()
    return {name: item.grad for name, item in graph.named_parameters() if item.grad is not None}


def test_a_plain_sum_needs_no_balance():
    """Fixed weights without diagnosis build nothing."""
    assert made()[1].balance is None


@pytest.mark.parametrize("pieces", [1, 3])
def test_watching_changes_no_gradient(pieces):
    """Gradients taken one by one add up to that of the sum, over micro-batches and with a penalty."""
    batch = drawn(9, 7)
    penalty = ({"type": "l2", "match": "*", "weight": 0.01},)
    plain = grown(*made(regularizers=penalty), batch)
    graph, objective = made(regularizers=penalty, gradients_every=1)
    watched = grown(graph, objective, batch, pieces)
    assert plain.keys() == watched.keys()
    assert all(torch.allclose(plain[name], watched[name], atol=1e-6) for name in plain)
    ((number, products),) = objective.balance.readings
    assert (number, products.shape) == (0, (3, 3))
    assert torch.linalg.eigvalsh(products).min() > -1e-6


def projected(gradients, seed):
    """Return the sum of gradients after surgery, written as in the paper."""
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros_like(gradients[0])
    for index, own in enumerate(gradients):
        changed = own.clone()
        for other in torch.randperm(len(gradients), generator=generator).tolist():
            if other != index and (dot := changed @ gradients[other]) < 0:
                changed -= dot / (gradients[other] @ gradients[other]) * gradients[other]
        total += changed
    return total


@pytest.mark.parametrize("seed", range(6))
def test_surgery_is_that_of_the_paper(seed):
    """The factors from inner products give what projecting one after another gives."""
    gradients = torch.randn(4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    factors = PCGrad([0, 1, 2, 3], [1.0] * 4, 4).task_factors(gradients @ gradients.T, seed)
    assert torch.allclose(factors @ gradients, projected(list(gradients), seed))


def test_surgery_leaves_agreement_alone():
    """Tasks without conflict keep their sum."""
    gradients = torch.eye(3, dtype=torch.float64) + 0.1
    assert PCGrad([0, 1, 2], [1.0] * 3, 3).task_factors(gradients @ gradients.T, 0).tolist() == [1, 1, 1]


def test_surgery_changes_shared_parameters_alone():
    """A head keeps its own gradient, whatever the tasks do to the encoder; pieces change nothing."""
    batch = drawn(9, 7)
    plain = grown(*made(), batch)
    whole = grown(*made(balance={"type": "pcgrad"}), batch)
    pieces = grown(*made(balance={"type": "pcgrad"}), batch, 3)
    heads = [name for name in plain if name.startswith("heads.")]
    assert heads
    assert all(torch.allclose(plain[name], whole[name], atol=1e-6) for name in heads)
    assert all(torch.allclose(whole[name], pieces[name], atol=1e-5) for name in whole)


def test_uncertainty_starts_as_the_sum_and_learns_variances():
    """At s = 0 the model's gradients are those of the sum; that of s is 1/2 - L."""
    batch = drawn(9, 7)
    plain = grown(*made(), batch)
    graph, objective = made(balance={"type": "uncertainty"})
    found = grown(graph, objective, batch, 3)
    assert all(torch.allclose(plain[name], found[name], atol=1e-6) for name in plain)
    _, parts = objective(batch)
    assert torch.allclose(objective.balance.log_variances.grad, 0.5 - parts, atol=1e-5)


def test_a_task_without_targets_keeps_its_variance():
    """No valid target, no pull on the variance."""
    balance = Uncertainty([0, 1], [1.0, 1.0], 2, None)
    balance.start_step(0, [])
    term = balance.finish_step(torch.tensor([0.0, 2.0]), 1.0, 0)
    term.backward()
    assert balance.log_variances.grad.tolist() == [0.0, 0.5]


def test_dynamic_weights_follow_the_rate_of_descent():
    """After two windows the weights are the softmax of the ratios of their means, times the tasks."""
    balance = Dynamic([0, 1], [1.0, 1.0], 2, every=2, temperature=2.0)
    for parts in ([4.0, 1.0], [2.0, 1.0], [1.5, 1.0]):
        balance.start_step(0, [])
        balance.finish_step(torch.tensor(parts), 1.0, 0)
    assert balance.factors().tolist() == [1.0, 1.0]
    copy = Dynamic([0, 1], [1.0, 1.0], 2, every=2, temperature=2.0)
    copy.load_state_dict(balance.state_dict())
    for one in (balance, copy):
        one.start_step(0, [])
        one.finish_step(torch.tensor([1.5, 0.0]), 1.0, 0)
        left, right = math.exp(0.5 / 2), math.exp(1.0 / 2)
        assert one.factors().tolist() == pytest.approx(
            [2 * left / (left + right), 2 * right / (left + right)]
        )
