"""Laws of optimizers: steps, groups and state."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from typing import Any

import pytest
import torch

from declare.parsing import parser
from declare.parsing.lookup import names, own_names
from tests.components.conformance import variants
from tests.components.laws.samples import generator

Build = Callable[[list[dict[str, Any]]], torch.optim.Optimizer]


def groups(**second: Any) -> list[dict[str, Any]]:
    """Return a matrix and a vector in groups with rates of their own."""
    draws = generator(0)
    matrix = torch.nn.Parameter(torch.randn(4, 3, generator=draws))
    vector = torch.nn.Parameter(torch.randn(4, generator=draws))
    return [
        {"params": [matrix], "lr": 1e-2, "weight_decay": 0.1, "numbers": [0]},
        {"params": [vector], "lr": 2e-2, "weight_decay": 0.0, "numbers": [1]} | second,
    ]


def train(optimizer: torch.optim.Optimizer, steps: range) -> None:
    """Take some steps whose gradients and draws the step alone decides, as those of a run are."""
    for step in steps:
        torch.manual_seed(step)
        optimizer.zero_grad()
        for number, group in enumerate(optimizer.param_groups):
            for item in group["params"]:
                item.grad = torch.randn(item.shape, generator=generator(100 * step + number))
        optimizer.step()


def weights(ready: list[dict[str, Any]]) -> list[torch.Tensor]:
    """Return copies of all parameters."""
    return [item.detach().clone() for group in ready for item in group["params"]]


def a_step_moves_every_parameter(build: Build) -> None:
    """Two steps change every parameter to another finite one."""
    ready = groups()
    before = weights(ready)
    train(build(ready), range(2))
    for old, new in zip(before, weights(ready), strict=True):
        assert not torch.equal(old, new), "a parameter stays where it was"
        assert new.isfinite().all(), "a parameter that is not finite"


def groups_keep_their_rates(build: Build) -> None:
    """Each group has the rates that were stated for it, and what else it holds."""
    optimizer = build(groups())
    for key, expected in (("lr", [1e-2, 2e-2]), ("weight_decay", [0.1, 0.0]), ("numbers", [[0], [1]])):
        assert [group[key] for group in optimizer.param_groups] == expected, f"another `{key}`"


def the_rate_of_a_schedule_counts(build: Build) -> None:
    """A group whose rate a schedule lowers takes another course, and it alone."""
    courses = []
    for factor in (1.0, 0.1):
        ready = groups()
        optimizer = build(ready)
        for step in range(5):
            optimizer.param_groups[1]["lr"] = 2e-2 * (factor if step > 1 else 1.0)
            train(optimizer, range(step, step + 1))
        courses.append(weights(ready))
    (first, second), (same, other) = courses
    assert torch.equal(first, same), "the rate of one group moves another"
    assert not torch.equal(second, other), "a lower rate changes nothing"


def state_goes_on_bit_by_bit(build: Build) -> None:
    """Weights and state that were saved, and read by a fresh optimizer, go on as the old one does."""
    ready = groups()
    optimizer = build(ready)
    train(optimizer, range(2))
    file = io.BytesIO()
    torch.save({"weights": weights(ready), "state": optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    fresh = groups()
    for item, value in zip(
        (item for group in fresh for item in group["params"]), saved["weights"], strict=True
    ):
        item.data.copy_(value)
    other = build(fresh)
    other.load_state_dict(saved["state"])
    train(optimizer, range(2, 4))
    train(other, range(2, 4))
    for old, new in zip(weights(ready), weights(fresh), strict=True):
        assert torch.equal(old, new), "another course after saving and loading"


def gradients_stay_as_they_are(build: Build) -> None:
    """A step leaves gradients alone, and a parameter without one where it is."""
    ready = groups()
    optimizer = build(ready)
    before = weights(ready)
    ready[0]["params"][0].grad = torch.ones(4, 3)
    optimizer.step()
    assert torch.equal(ready[1]["params"][0], before[1]), "a parameter without a gradient moves"


LAWS: list[Callable[[Build], None]] = [
    a_step_moves_every_parameter,
    groups_keep_their_rates,
    the_rate_of_a_schedule_counts,
    state_goes_on_bit_by_bit,
    gradients_stay_as_they_are,
]


def blocks(name: str) -> list[Any]:
    """Return an optimizer's variants; one of a library's with a learning rate alone."""
    if name in own_names("optimizers"):
        return variants("optimizers", name)
    return [parser.parse("optimizers", {"type": name, "lr": 1e-2})]


@pytest.mark.filterwarnings("ignore:It is highly recommended to have 'opt_einsum'")
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", names("optimizers"))
def test_every_optimizer_keeps_the_law(name, law):
    """In every variant; those of a library as they are by default."""
    with torch.compiler.set_stance("force_eager"):
        for block in blocks(name):
            if law is not the_rate_of_a_schedule_counts or not block.sets_own_lr:
                law(block.build)


def build_from_code(block: Any, ready: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """Return what the code of an optimizer makes, in a module that imports torch alone."""
    code = block.code("groups")
    scope: dict[str, Any] = {"groups": ready, "torch": torch}
    exec("\n\n".join([*code.imports, *code.definitions, f"made = {code.expression}"]), scope)
    return scope["made"]


@pytest.mark.filterwarnings("ignore:It is highly recommended to have 'opt_einsum'")
@pytest.mark.parametrize("name", names("optimizers"))
def test_the_code_of_every_optimizer_makes_the_same_steps(name):
    """Bit for bit, though a parameter has no gradient at first."""
    with torch.compiler.set_stance("force_eager"):
        for block in blocks(name):
            courses = []
            for build in (block.build, lambda ready, block=block: build_from_code(block, ready)):
                ready = groups()
                optimizer = build(ready)
                torch.manual_seed(0)
                ready[0]["params"][0].grad = torch.ones(4, 3)
                optimizer.step()
                train(optimizer, range(3))
                courses.append(weights(ready))
            assert all(map(torch.equal, *courses)), block


class Right(torch.optim.SGD):
    def __init__(self, params):
        super().__init__(params, lr=0.1, momentum=0.9)


class Still(Right):
    def step(self, closure=None):
        pass


class OneRate(Right):
    def __init__(self, params):
        super().__init__([group | {"lr": 0.1} for group in params])


class Deaf(Right):
    """Takes the rate that it was built with, whatever a schedule says."""

    def __init__(self, params):
        super().__init__(params)
        self.rates = [group["lr"] for group in self.param_groups]

    def step(self, closure=None):
        for group, rate in zip(self.param_groups, self.rates, strict=True):
            group["lr"] = rate
        super().step()


class Forgetful(Right):
    def state_dict(self):
        found = super().state_dict()
        return copy.deepcopy(found) | {"state": {}}


class Shrinking(Right):
    def step(self, closure=None):
        super().step()
        with torch.no_grad():
            for group in self.param_groups:
                for item in group["params"]:
                    item.mul_(1 - group["lr"] * 0.1)


BROKEN: dict[Callable[[Build], None], Any] = {
    a_step_moves_every_parameter: Still,
    groups_keep_their_rates: OneRate,
    the_rate_of_a_schedule_counts: Deaf,
    state_goes_on_bit_by_bit: Forgetful,
    gradients_stay_as_they_are: Shrinking,
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law):
    """An optimizer that breaks the law does not pass; one that keeps it does."""
    with pytest.raises(AssertionError):
        law(BROKEN[law])
    law(Right)
