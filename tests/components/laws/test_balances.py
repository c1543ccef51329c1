"""Laws of balances: the losses of several tasks become one gradient."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from declare.nn.balances.balance import Balance as Sum
from declare.parsing.lookup import own_names
from tests.components.conformance import variants
from tests.components.laws.samples import generator

OWNERS, SHARES, TASKS = [0, 1, 1, 2], [1.0, 0.5, 2.0, 0.25], 2
"""Two tasks, the second with two losses, and a penalty that belongs to neither."""

Build = Callable[[Sequence[int], Sequence[float], int], Any]


class Problem:
    """Losses of a few shared parameters, taken in micro-batches."""

    def __init__(self, build: Build, *, agreeing: bool = False) -> None:
        self.balance = build(OWNERS, SHARES, TASKS)
        self.values = torch.nn.Parameter(torch.tensor([1.0, -2.0, 0.5]))
        aims = torch.tensor([[3.0, 0.0, 1.0], [2.0, -1.0, 4.0], [5.0, 2.0, 1.0]])
        self.aims = aims if agreeing else aims * torch.tensor([[1.0], [-1.0], [-1.0]])

    def losses(self, part: float = 1.0) -> Tensor:
        """Return the unweighted losses [4] of a part of a batch."""
        gaps = (self.values - self.aims).square().sum(1)
        return torch.cat([gaps, self.values.square().sum()[None]]) * part

    def step(self, number: int, pieces: int = 1) -> Tensor:
        """Return the gradient of a step in micro-batches, and move along it."""
        own = list(self.balance.parameters())
        for item in (self.values, *own):
            item.grad = None
        self.balance.start_step(number, [self.values, *own])
        for _ in range(pieces):
            self.balance.backward(self.balance(self.losses(1 / pieces)))
        term = self.balance.finish_step(self.losses().detach(), 1.0, number)
        if term is not None:
            term.backward()
        assert self.values.grad is not None, "no gradient"
        found = self.values.grad.clone()
        with torch.no_grad():
            for item in (self.values, *own):
                if item.grad is not None:
                    item.sub_(item.grad, alpha=0.01)
        return found


def plain(problem: Problem) -> Tensor:
    """Return the gradient of the plain sum of the weighted losses."""
    (found,) = torch.autograd.grad((problem.losses() * torch.tensor(SHARES)).sum(), problem.values)
    return found


def it_starts_from_the_stated_weights(build: Build) -> None:
    """In the first step, of tasks that agree, the gradient is that of the losses times their stated weights."""
    problem = Problem(build, agreeing=True)
    expected = plain(problem)
    torch.testing.assert_close(problem.step(0), expected)


def micro_batches_add_up(build: Build) -> None:
    """A step in several micro-batches has the gradient of one in a whole batch, from the first step on."""
    one, many = Problem(build), Problem(build)
    for number in range(5):
        torch.testing.assert_close(many.step(number, pieces=3), one.step(number))


def gradients_are_finite(build: Build) -> None:
    """Through many steps the gradient is finite, and not zero."""
    problem = Problem(build)
    for number in range(12):
        found = problem.step(number)
        assert found.isfinite().all(), f"step {number} has no finite gradient"
        assert found.abs().sum() > 0, f"step {number} has no gradient"


def what_belongs_to_no_task_keeps_its_weight(build: Build) -> None:
    """The gradient of a penalty is its own, whatever weights the tasks have by then."""
    problem = Problem(build)
    for number in range(6):
        problem.step(number)
    heavier = copy.deepcopy(problem)
    heavier.balance.loss_weights[-1] += 1.0
    before = problem.values.detach().clone()
    found = heavier.step(6) - problem.step(6)
    torch.testing.assert_close(found, 2 * before, rtol=1e-4, atol=1e-4)


def state_goes_on_bit_by_bit(build: Build) -> None:
    """Saved and read by a fresh balance, it goes on as the old one does."""
    problem = Problem(build)
    for number in range(7):
        problem.step(number)
    other = Problem(build)
    other.values.data.copy_(problem.values.data)
    other.balance.load_state_dict(copy.deepcopy(problem.balance.state_dict()))
    for number in range(7, 12):
        assert torch.equal(other.step(number), problem.step(number)), (
            "another course after saving and loading"
        )


LAWS: list[Callable[[Build], None]] = [
    it_starts_from_the_stated_weights,
    micro_batches_add_up,
    gradients_are_finite,
    what_belongs_to_no_task_keeps_its_weight,
    state_goes_on_bit_by_bit,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", own_names("balances"))
def test_every_balance_keeps_the_law(name, law):
    """In every variant, with epochs of two steps."""
    for block in variants("balances", name):
        law(block.resolve(20, 2).build)


class Averaged(Sum):
    def forward(self, terms):
        return super().forward(terms) / self.num_tasks


class Drawn(Sum):
    """Weighs each micro-batch by a draw of its own."""

    def __init__(self, *words):
        super().__init__(*words)
        self.draws = generator(0)

    def forward(self, terms):
        return super().forward(terms) * (0.5 + torch.rand((), generator=self.draws))


class Vanishing(Sum):
    def forward(self, terms):
        return super().forward(terms) * (self._number < 8)


class Counting(Sum):
    """Weighs all losses, penalties too, by a count of steps that it does not save."""

    count = 0

    def forward(self, terms):
        return super().forward(terms) * (1 + self.count)

    def finish_step(self, terms, scale, seed):
        self.count += 1
        return super().finish_step(terms, scale, seed)


BROKEN: dict[Callable[[Build], None], type[Sum]] = {
    it_starts_from_the_stated_weights: Averaged,
    micro_batches_add_up: Drawn,
    gradients_are_finite: Vanishing,
    what_belongs_to_no_task_keeps_its_weight: Counting,
    state_goes_on_bit_by_bit: Counting,
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law):
    """A balance that breaks the law does not pass; the plain sum does."""
    with pytest.raises(AssertionError):
        law(BROKEN[law])
    law(Sum)
