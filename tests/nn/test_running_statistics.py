"""Running statistics for each size: what a set of them is, for every norm that keeps some."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from timm.layers import BatchNormAct2d, EvoNorm2dB0
from torch import Tensor, nn

from declare.nn.running_statistics import (
    StatisticsBySize,
    StepStatistics,
    freeze_statistics,
    norm_buffers,
    running_norms,
    running_statistics,
    unshared_norms,
)

NORMS: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3), 1),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(3), 2),
    "BatchNorm3d": (lambda: nn.BatchNorm3d(3), 3),
    "cumulative": (lambda: nn.BatchNorm2d(3, momentum=None), 2),
    "without affine": (lambda: nn.BatchNorm2d(3, affine=False), 2),
    "InstanceNorm1d": (lambda: nn.InstanceNorm1d(3, track_running_stats=True), 1),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(3, track_running_stats=True), 2),
    "BatchNormAct2d": (lambda: BatchNormAct2d(3), 2),
    "EvoNorm2dB0": (lambda: EvoNorm2dB0(3), 2),
}


def batches(axes: int) -> list[tuple[int, Tensor]]:
    """Return batches of three sizes, each with a mean of its own."""
    draw = torch.Generator().manual_seed(3)
    sizes = [4, 6, 8, 6, 4, 8, 8]
    return [(size, torch.randn(5, 3, *[size] * axes, generator=draw) * size + size) for size in sizes]


@pytest.mark.parametrize("name", NORMS)
def test_each_size_has_what_it_would_have_alone(name: str) -> None:
    """The statistics of a size are those of a norm that sees the batches of this size and no others."""
    make, axes = NORMS[name]
    model = nn.Sequential(nn.Identity(), make()).train()
    fresh = deepcopy(model)
    statistics = StatisticsBySize(model, [4, 6, 8], 8)
    assert len(statistics)
    for size, batch in batches(axes):
        with statistics.at(size):
            model(batch)
    for size in (8, 6, 4):
        statistics.switch_to(8)
        alone = deepcopy(fresh)
        for own, batch in batches(axes):
            if own == size:
                alone(batch)
        with statistics.at(size):
            found = dict(model.named_buffers())
        for key, expected in alone.named_buffers():
            torch.testing.assert_close(found[key], expected, msg=f"{key} at {size}")


def test_a_model_holds_one_size_and_goes_on_with_it() -> None:
    """A size that was seen before comes back as it was; one that is new goes on from the one before."""
    model = nn.BatchNorm1d(2)
    statistics = StatisticsBySize(model, [4, 8], 4)
    with torch.no_grad():
        model.running_mean.fill_(4.0)
    assert statistics.switch_to(8)
    assert not statistics.switch_to(8)
    assert model.running_mean.eq(4.0).all()
    with torch.no_grad():
        model.running_mean.fill_(8.0)
    statistics.switch_to(4)
    assert model.running_mean.eq(4.0).all()
    statistics.switch_to(8)
    assert model.running_mean.eq(8.0).all()


def test_a_saved_state_is_the_same_for_every_size() -> None:
    """What is saved with the model's own buffers gives all sets back; one of other sizes is refused."""
    model = nn.BatchNorm1d(2)
    statistics = StatisticsBySize(model, [4, 8], 4)
    for size in (4, 8):
        with statistics.at(size):
            model(torch.randn(3, 2) + size)
    again = nn.BatchNorm1d(2)
    other = StatisticsBySize(again, [4, 8], 8)
    other.load_state_dict(deepcopy(statistics.state_dict()))
    again.load_state_dict(model.state_dict())
    assert other.current == 4
    for size in (4, 8):
        with statistics.at(size), other.at(size):
            assert torch.equal(model.running_mean, again.running_mean)
    statistics.switch_to(8)
    model(torch.randn(3, 2) + 8)
    fresh = nn.BatchNorm1d(2)
    third = StatisticsBySize(fresh, [4, 8], 4)
    third.load_state_dict(deepcopy(statistics.state_dict()))
    fresh.load_state_dict(model.state_dict())
    statistics.switch_to(4)
    third.switch_to(4)
    assert torch.equal(model.running_mean, fresh.running_mean), "a size that was held before comes back"
    with pytest.raises(ValueError, match="sizes"):
        StatisticsBySize(again, [4, 6], 4).load_state_dict(statistics.state_dict())


@pytest.mark.parametrize("training", [True, False])
def test_backward_passes_see_the_statistics_of_their_own_forward(training: bool) -> None:
    """Gradients of several sizes at once are those of one size after the other, in frozen norms too."""
    found = []
    for together in (True, False):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3)).double().train(training)
        nn.init.constant_(model[0].weight, 0.1)
        statistics = StatisticsBySize(model, [6, 8], 8)
        with torch.no_grad(), statistics.at(6):
            model[1].running_mean.fill_(2.0)
        losses = []
        for size in (8, 6):
            batch = torch.arange(2 * 3 * size * size).double().view(2, 3, size, size).sin()
            with statistics.at(size):
                loss = model(batch).square().sum()
                losses.append(loss) if together else loss.backward()
        if together:
            torch.stack(losses).sum().backward()
        found.append([item.grad for item in model.parameters()])
    torch.testing.assert_close(found[0], found[1])


def test_what_keeps_no_statistics_has_none() -> None:
    """Layer norms, group norms and instance norms without memory are left alone."""
    plain = nn.Sequential(
        nn.LayerNorm(3),
        nn.GroupNorm(1, 3),
        nn.InstanceNorm2d(3),
        nn.BatchNorm2d(3, track_running_stats=False),
    )
    assert not list(running_norms(plain))
    assert not running_statistics(plain)
    assert not len(StatisticsBySize(plain, [4, 8], 4))
    mixed = nn.Sequential(nn.BatchNorm1d(2), nn.InstanceNorm1d(2, track_running_stats=True))
    assert set(running_statistics(mixed)) == {
        f"{at}.running_{kind}" for at in "01" for kind in ("mean", "var")
    }
    assert unshared_norms(mixed) == ["1"]


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("cuts", [(3, 6, 9), (5, 1, 12)])
def test_micro_batches_move_statistics_as_one_batch_does(name: str, cuts: tuple[int, ...]) -> None:
    """Running means after the micro-batches of two steps are those of two whole batches; steps are counted once."""
    make, axes = NORMS[name]
    draw = torch.Generator().manual_seed(1)
    whole, cut = make().train(), make().train()
    buffers = [item for _, item in norm_buffers(cut)]
    statistics = StepStatistics(buffers)
    assert len(statistics)
    for _ in range(2):
        batch = torch.randn(sum(cuts), 3, *[4] * axes, generator=draw) + torch.arange(sum(cuts)).view(
            -1, 1, *[1] * axes
        )
        whole(batch)
        statistics.start_step()
        for piece in batch.split(cuts):
            if len(piece) * 4**axes > 1:
                cut(piece)
            statistics.add_micro_batch([len(piece) / len(batch)] * len(buffers))
        statistics.finish_step()
    for key, expected in whole.named_buffers():
        if "var" not in key:
            torch.testing.assert_close(dict(cut.named_buffers())[key], expected, msg=f"{key} of {name}")


def test_norms_of_every_kind_stand_still_with_their_module() -> None:
    """A frozen module's running statistics do not move; its other layers go on as in training."""
    for make, axes in NORMS.values():
        model = nn.Sequential(make(), nn.Dropout()).train()
        before = [item.clone() for item in model.buffers()]
        freeze_statistics(model)
        model(torch.randn(5, 3, *[4] * axes))
        assert all(torch.equal(*pair) for pair in zip(before, model.buffers(), strict=True))
        assert model[1].training
