"""Models of braindecode: linked to the data, refused with a reason; a stand-in serves where it is not installed."""

from __future__ import annotations

import importlib.util
import sys
import types

import pytest
import torch
from torch import nn

from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Shape
from declare.parsing import parser
from declare.system import extras

SERIES = {"input": (Shape("series", (5, 60)),)}


class SmallNet(nn.Module):
    """A model with the parameters that all of braindecode's have."""

    def __init__(self, n_chans, n_outputs, n_times, drop_prob=0.5):
        super().__init__()
        self.drop_prob = drop_prob
        self.layer = nn.Linear(n_chans * n_times, n_outputs)

    def forward(self, x):
        return self.layer(x.flatten(1))


class CroppedNet(SmallNet):
    """A model that keeps an axis of time."""

    def forward(self, x):
        return super().forward(x).unsqueeze(-1).repeat(1, 1, 4)


@pytest.fixture
def library(monkeypatch):
    """A library of two models in the place of braindecode."""
    models = types.ModuleType("braindecode.models")
    models.SmallNet, models.CroppedNet = SmallNet, CroppedNet
    package = types.ModuleType("braindecode")
    package.models = models
    package.__spec__ = importlib.util.spec_from_loader("braindecode", None)
    monkeypatch.setitem(sys.modules, "braindecode", package)
    monkeypatch.setitem(sys.modules, "braindecode.models", models)


def module(**block):
    return parser.parse("modules", {"type": "braindecode", "name": "SmallNet", "features": 7, **block})


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("name", ["SmallNet", "CroppedNet"])
def test_channels_and_steps_are_linked(name):
    """The model is built for the data's channels and steps and gives as many numbers as `features` says."""
    made = module(name=name, config={"drop_prob": 0.1})
    assert made.infer(SERIES) == {"output": Shape("vector", (7,))}
    real = made.build(SERIES)
    assert real.model.drop_prob == 0.1
    assert real(torch.randn(2, 5, 60)).shape == (2, 7)


@pytest.mark.usefixtures("library")
def test_unknown_model():
    """A model that braindecode does not have is refused with the nearest names."""
    with pytest.raises(ProblemError) as caught:
        module(name="SmalNet").build(SERIES)
    (problem,) = caught.value.problems
    assert (problem.code, problem.at) == ("REF241", "name")
    assert "SmallNet" in problem.helps[0]


@pytest.mark.parametrize("key", ["n_chans", "n_times", "n_outputs"])
def test_what_is_linked_is_not_stated(key):
    """Parameters that the data or `features` give may not be stated a second time."""
    block = {"type": "braindecode", "name": "SmallNet", "config": {key: 3}}
    (problem,) = parser.read("modules", block)[1]
    assert (problem.code, problem.at) == ("SCH113", f"config.{key}")


@pytest.mark.usefixtures("library")
def test_length_must_be_fixed():
    """Recordings of different lengths are refused."""
    found = module().infer({"input": (Shape("series", (5, None)),)})
    assert isinstance(found, Problem)
    assert found.code == "SHP512"


def test_without_the_library(monkeypatch):
    """Without braindecode the finding says what to install."""
    monkeypatch.setattr(extras, "find_spec", lambda _: None)
    found = module().infer(SERIES)
    assert isinstance(found, Problem)
    assert found.code == "RES852"
    assert "declare-trainer[braindecode]" in found.helps[0]


@pytest.mark.skipif(importlib.util.find_spec("braindecode") is None, reason="braindecode is not installed")
def test_real_model():
    """A model of the real library trains."""
    real = module(name="EEGNet", features=6).build({"input": (Shape("series", (5, 200)),)})
    found = real(torch.randn(4, 5, 200))
    assert found.shape == (4, 6)
    found.sum().backward()
    assert all(item.grad is not None for item in real.parameters())
