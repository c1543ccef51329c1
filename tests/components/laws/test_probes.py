"""Laws of probes: models that are fitted on frozen features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from declare.parsing.lookup import own_names
from tests.components.conformance import variants
from tests.components.laws.samples import generator

Build = Callable[[int, tuple[int, ...]], Any]


def features(rows: int = 40) -> Tensor:
    """Return features [rows, 4]: one is large, one never changes."""
    found = torch.randn(rows, 4, generator=generator(0))
    found[:, 1] = found[:, 1] * 1000 + 5000
    found[:, 3] = 7.0
    return found


def fitted(build: Build, output: tuple[int, ...] = (3,)) -> tuple[Any, Callable[[Tensor], Tensor]]:
    """Return a probe that was fitted, and the loss that it was fitted for."""
    known = features()
    weight = torch.randn(4, 3, generator=generator(1)) * torch.tensor([[1.0], [1e-3], [1.0], [0.0]])
    truth = (known @ weight).argmax(1)

    def loss(found: Tensor) -> Tensor:
        if output == (3,):
            return functional.cross_entropy(found, truth)
        return functional.mse_loss(found, truth.float().reshape(-1, *[1] * len(output)).expand_as(found))

    probe = build(4, output)
    probe.fit(known, loss)
    return probe, loss


def outputs_have_the_shape_of_the_head(build: Build) -> None:
    """For each sample it gives what the task's head would: a number, a vector or more axes."""
    for output in ((), (3,), (2, 3)):
        probe, _ = fitted(build, output)
        found = probe(features(5))
        assert found.shape == (5, *output), f"{tuple(found.shape)} for a head of {output}"
        assert found.isfinite().all(), "an output that is not finite"


def the_fit_is_the_same_every_time(build: Build) -> None:
    """The same features and targets give the same probe, whatever torch's generator holds; fitting draws nothing."""
    found = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        probe = build(4, (3,))
        state = torch.get_rng_state()
        fitted(lambda *_, made=probe: made)
        assert torch.equal(state, torch.get_rng_state()), "fitting draws random numbers"
        found.append(probe(features(5)).detach())
    assert torch.equal(*found), "two fits of the same features"


def it_learns_what_features_tell(build: Build) -> None:
    """The loss of the fitted probe is far below that of a constant; features stay as they are."""
    known = features()
    probe, loss = fitted(build)
    assert torch.equal(known, features()), "features are changed"
    with torch.no_grad():
        found = float(loss(probe(known)))
        constant = min(float(loss(torch.zeros(40, 3))), float(loss(probe(known).mean(0).expand(40, 3))))
    assert found < 0.7 * constant, f"{found} of {constant}"


def samples_are_judged_one_by_one(build: Build) -> None:
    """A sample's output is that which it has alone."""
    probe, _ = fitted(build)
    with torch.no_grad():
        whole = probe(features())
        alone = torch.cat([probe(row) for row in features().split(1)])
    assert torch.allclose(whole, alone, rtol=1e-4, atol=1e-4), "neighbours change an output"


LAWS: list[Callable[[Build], None]] = [
    outputs_have_the_shape_of_the_head,
    the_fit_is_the_same_every_time,
    it_learns_what_features_tell,
    samples_are_judged_one_by_one,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", own_names("probes"))
def test_every_probe_keeps_the_law(name, law):
    """In every variant."""
    for block in variants("probes", name):
        law(block.build)


class Right:
    """A linear layer on features in standard units, fitted by gradient descent from zero."""

    def __init__(self, width: int, output: tuple[int, ...]) -> None:
        self.output = output
        self.weight = torch.zeros(width + 1, torch.Size(output).numel(), requires_grad=True)

    def standard(self, features: Tensor) -> Tensor:
        return functional.pad((features - self.mean) / self.spread, (0, 1), value=1.0)

    def out(self, features: Tensor) -> Tensor:
        return (self.standard(features) @ self.weight).reshape(len(features), *self.output)

    def fit(self, features, loss):
        self.mean, self.spread = features.mean(0), features.std(0) + 1e-3
        for _ in range(100):
            (slope,) = torch.autograd.grad(loss(self.out(features)), self.weight)
            self.weight.data -= 0.5 * slope

    def __call__(self, features):
        return self.out(features)


class Flat(Right):
    def __call__(self, features):
        return self.out(features).reshape(len(features), -1)


class Drawn(Right):
    def fit(self, features, loss):
        self.weight.data = torch.randn(self.weight.shape)
        super().fit(features, loss)


class Lazy(Right):
    def fit(self, features, loss):
        self.mean, self.spread = features.mean(0), features.std(0) + 1e-3


class OfTheBatch(Right):
    def standard(self, features):
        return functional.pad((features - features.mean(0)) / self.spread, (0, 1), value=1.0)


BROKEN: dict[Callable[[Build], None], type[Right]] = {
    outputs_have_the_shape_of_the_head: Flat,
    the_fit_is_the_same_every_time: Drawn,
    it_learns_what_features_tell: Lazy,
    samples_are_judged_one_by_one: OfTheBatch,
}


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_law_can_fail(law):
    """A probe that breaks the law does not pass; one that keeps it does."""
    with pytest.raises(AssertionError):
        law(BROKEN[law])
    law(Right)
