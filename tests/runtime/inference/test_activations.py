"""Inside a model: statistics against what is known, dead units, bounds, and where a NaN comes from."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from declare.contract.problem import ProblemError
from declare.runtime.inference.activations import Activity, _ActivationRecorder, matching_modules


def watched(model: nn.Module, *inputs: torch.Tensor, names: list[str] | None = None) -> _ActivationRecorder:
    """Return what was heard while the model ran."""
    watch = _ActivationRecorder(names or matching_modules(model, ["*"]), keep=True)
    with torch.no_grad(), watch.hooks(model):
        for item in inputs:
            model(item)
    return watch


def test_statistics_are_those_of_all_batches_together() -> None:
    """Mean, spread and range over two batches are numpy's over both."""
    torch.manual_seed(0)
    batches = [torch.randn(4, 3), torch.randn(6, 3) * 3]
    found = watched(nn.Sequential(nn.Identity()), *batches).activities["0"]
    values = torch.cat(batches).numpy()
    assert found.mean == pytest.approx(values.mean(), rel=1e-6)
    assert found.std == pytest.approx(values.std(), rel=1e-6)
    assert (found.low, found.high) == (values.min(), values.max())
    np.testing.assert_array_equal(torch.cat(found.values).numpy(), values)


def test_dead_units_are_those_never_active() -> None:
    """A ReLU behind a large negative bias never fires; in a convolution units are channels."""
    layer = nn.Linear(3, 4)
    with torch.no_grad():
        layer.bias.copy_(torch.tensor([-1e3, 5.0, -1e3, 5.0]))
    found = watched(nn.Sequential(layer, nn.ReLU()), torch.rand(8, 3)).activities["1"]
    assert (found.units, found.dead) == (4, 2)
    convolution = nn.Conv2d(1, 3, 3)
    with torch.no_grad():
        convolution.bias.copy_(torch.tensor([9.0, -1e3, 9.0]))  # type: ignore[union-attr]
    maps = watched(nn.Sequential(convolution, nn.ReLU()), torch.rand(2, 1, 6, 6)).activities["1"]
    assert (maps.units, maps.dead) == (3, 1)


def test_saturation_is_known_for_bounded_activations_alone() -> None:
    """Values at the ends of a tanh count; a ReLU has no end."""
    model = nn.Sequential(nn.Tanh(), nn.ReLU())
    watch = watched(model, torch.tensor([[-50.0, 0.1, 50.0, 0.2]]))
    assert watch.activities["0"].saturated_share == pytest.approx(0.5)
    assert watch.activities["1"].saturated_share is None


def test_the_source_of_a_nan_is_the_first_module_that_makes_it() -> None:
    """Modules after it, and the container around it, are not blamed."""
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Linear(2, 2))
    with torch.no_grad():
        model[1][0].weight[0, 0] = math.nan  # type: ignore[index]
    watch = watched(model, torch.rand(3, 2))
    assert watch.source == "1.0"
    assert watch.activities["2"].nonfinite > 0
    assert watch.activities["2"].plain()["mean"] is None


def test_an_input_that_is_not_finite_has_no_source() -> None:
    """A module that passes on what it was given did not make it."""
    assert watched(nn.Sequential(nn.ReLU()), torch.tensor([[math.nan]])).source is None


def test_a_pattern_that_matches_nothing_is_refused() -> None:
    """The finding names the nearest module."""
    with pytest.raises(ProblemError) as caught:
        matching_modules(nn.ModuleDict({"encoder": nn.Linear(1, 1)}), ["encodr.*"])
    assert caught.value.problem.code == "REF202"
    assert "encoder" in caught.value.problem.helps[0]


def test_an_activity_without_values_is_plain() -> None:
    """Nothing seen gives no figures, and no error."""
    plain = Activity("x", "Linear", (3,)).plain()
    assert plain["mean"] is None
    assert plain["dead"] == 0
