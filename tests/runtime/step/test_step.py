"""A step: what is drawn, clipped and reported in it, and in which order things happen."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from declare.nn.distributed.process_group import ProcessGroup
from declare.nn.running_statistics import StatisticsBySize
from declare.runtime.machine.precision import make_precision
from declare.runtime.run_folder.folder import Run
from declare.runtime.step.step import MultiscaleStep, Step
from declare.runtime.step.step_config import StepConfig
from declare.runtime.step.strategies.strategy import Strategy
from tests.harness import fake_builder
from tests.runtime.test_loop import _one_thread, run, with_parts

__all__ = ["_one_thread"]


class Drawing(nn.Module):
    """Keeps what it draws in training."""

    def __init__(self):
        super().__init__()
        self.drawn = []

    def forward(self, values):
        if self.training:
            self.drawn.append(tuple(torch.rand(4).tolist()))
        return values


def draws(folder, **changes):
    """Return what a layer draws in a run, one entry for each forward pass."""
    layer = Drawing()

    def change(builder):
        builder.graph.encoder[3] = layer

    run(folder, fake_builder.make_plan(fake_builder.phase(evaluate_every=100, **changes)), with_parts(change))
    return layer.drawn


@pytest.mark.parametrize("accumulate", [1, 2])
def test_every_micro_batch_of_every_step_has_draws_of_its_own(tmp_path, accumulate):
    """No dropout mask comes twice, in another step or another micro-batch; the same run draws the same again."""
    found = draws(tmp_path / "one", steps=6, accumulate=accumulate)
    assert len(found) >= 6 * accumulate
    assert len(set(found)) == len(found)
    assert draws(tmp_path / "two", steps=6, accumulate=accumulate) == found


def moved(folder, **changes):
    """Return how far one step of plain gradient descent at a rate of 1 moves each parameter."""
    graphs = []

    def change(builder):
        builder.graph.encoder[3] = nn.Identity()
        builder.optimizer = lambda which: torch.optim.SGD(builder.graph.parameters(), lr=1.0)
        graphs.append((builder.graph, [item.detach().clone() for item in builder.graph.parameters()]))

    run(
        folder,
        fake_builder.make_plan(fake_builder.phase(steps=1, evaluate_every=100, **changes)),
        with_parts(change),
    )
    ((graph, before),) = graphs
    return torch.cat(
        [(new - old).flatten() for new, old in zip(graph.parameters(), before, strict=True)]
    ).detach()


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_gradients_are_clipped_at_their_true_size(tmp_path, precision):
    """A step moves weights by the clipped gradient, in fp16 too, where gradients are scaled before."""
    free = moved(tmp_path / "free", precision=precision)
    assert free.norm() > 0.05
    short = moved(tmp_path / "norm", precision=precision, clip={"norm": 0.01, "value": None})
    assert float(short.norm()) == pytest.approx(0.01, rel=1e-3)
    torch.testing.assert_close(short / short.norm(), free / free.norm(), rtol=1e-2, atol=1e-3)
    capped = moved(tmp_path / "value", precision=precision, clip={"norm": None, "value": 0.005})
    torch.testing.assert_close(capped, free.clamp(-0.005, 0.005), rtol=1e-2, atol=1e-4)
    loose = moved(tmp_path / "loose", precision=precision, clip={"norm": 100.0, "value": None})
    torch.testing.assert_close(loose, free, rtol=1e-3, atol=1e-5)


def reported(folder, **changes):
    """Return the losses that a run without dropout and batch norm reports, by metric and step."""

    def calm(builder):
        builder.graph.encoder[1] = nn.Identity()
        builder.graph.encoder[3] = nn.Identity()

    run(folder, fake_builder.make_plan(fake_builder.phase(steps=8, **changes)), with_parts(calm))
    rows = Run(folder / "run").metrics()
    return {
        (row["metric"], row["step"]): row["value"]
        for row in rows
        if row["metric"] in {"train/loss", "train/digit/loss"}
    }


def test_the_reported_loss_is_that_of_the_whole_batch(tmp_path):
    """In micro-batches of uneven size the loss and its terms are those of the batch in one piece."""
    whole = reported(tmp_path / "whole")
    assert len(whole) == 16
    for pieces in (2, 3):
        assert reported(tmp_path / str(pieces), accumulate=pieces) == pytest.approx(whole, rel=1e-4)


class Sloped(nn.Module):
    """A loss whose gradient is 1 whatever the weight is; keeps what it draws."""

    names = ("slope",)
    balance = None

    def __init__(self, scales=None):
        super().__init__()
        self.norm = nn.BatchNorm1d(1, affine=False)
        self.weight = nn.Parameter(torch.zeros(()))
        self.scales, self.drawn = scales, []

    def augment_once(self, batch, seed):
        return batch

    def mask_inputs(self, batch, seed):
        return batch

    def denominators(self, batch):
        return torch.ones(1)

    def forward(self, batch, denominators=None):
        self.drawn.append(torch.rand(()).item())
        self.norm(batch["left"]["x"])
        return self.weight * 1, self.weight.detach().reshape(1)


class Noting:
    """An average that notes the weight at each update, and restarts."""

    def __init__(self, weight):
        self.weight, self.seen = weight, []

    def update(self):
        self.seen.append(self.weight.item())

    def restart_statistics(self):
        self.seen.append("restart")


def make_step(rank=0, scales=None, **changes):
    """Return a step of gradient descent on `Sloped` with its objective and average; step n has the rate 10^-n."""
    phase = fake_builder.phase(**changes)
    objective, world = Sloped(scales), ProcessGroup()
    world.rank = rank
    objective.statistics = None if scales is None else StatisticsBySize(objective, (16, 8), 16)
    config = StepConfig(
        phase=phase,
        graph=objective,
        objective=objective,
        optimizer=torch.optim.SGD(objective.parameters(), lr=1.0),
        lr=lambda number: 10.0**-number,
        ema=Noting(objective.weight),
        precision=make_precision("fp32", torch.device("cpu")),
        seed_prefix=(3, 0),
        strategy=Strategy(objective, world),
        micro_batches=phase.accumulate,
        world=world,
        statistics=objective.statistics,
    )
    return Step(config), objective, config.ema


ROWS = {"left": {"x": torch.zeros(4, 1)}}


def test_a_step_has_the_rate_of_its_number_and_is_averaged_after_it():
    """Weights move by the rate of this step, not by that of the one before; the average takes in what they became."""
    step, objective, average = make_step()
    weights = []
    for number in range(3):
        step(number, ROWS)
        weights.append(objective.weight.item())
    assert weights == pytest.approx([-1.0, -1.1, -1.11])
    assert average.seen == weights


def test_processes_draw_as_micro_batches_of_one_process_do():
    """What the second process draws is what one process alone draws for its second micro-batch, nothing twice."""
    alone, objective, _ = make_step(accumulate=2)
    alone(5, ROWS)
    of_ranks = []
    for rank in (0, 1):
        step, its_objective, _ = make_step(rank)
        step(5, ROWS)
        of_ranks += its_objective.drawn
    assert of_ranks == objective.drawn
    assert len(set(of_ranks)) == 2


def test_an_average_restarts_its_statistics_when_the_model_takes_those_of_another_size():
    """Before the first step at a new size, and at no other; the step comes after."""
    average, calls = Noting(None), []
    sizes = [8, 8, 16, 16, 8]
    held = [8]

    def switch_to(size):
        changed = [size] != held
        held[:] = [size]
        return changed

    step = MultiscaleStep(
        lambda number, batch: calls.append((number, list(average.seen))),
        SimpleNamespace(evaluation_size=lambda number: sizes[number]),
        SimpleNamespace(switch_to=switch_to),
        average,
    )
    for number in range(5):
        step(number, ROWS)
    assert [len(seen) for _, seen in calls] == [0, 0, 1, 1, 2]


def two_sizes(eager):
    """Return scales that show every batch twice."""
    return SimpleNamespace(eager=eager, sizes=lambda number: (16, 8), batches=lambda batch, _: (batch, batch))


@pytest.mark.parametrize("eager", [True, False])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_the_gradient_of_several_sizes_is_their_mean(eager, accumulate):
    """A step at two sizes moves weights as far as one at a single size, and each size has draws of its own."""
    sizes = SimpleNamespace(
        eager=eager, sizes=lambda number: (16, 8), batches=lambda batch, _: (batch, batch)
    )
    step, objective, _ = make_step(scales=sizes, accumulate=accumulate)
    step(0, ROWS)
    assert objective.weight.item() == pytest.approx(-1.0 * accumulate)  # each micro-batch has a slope of 1
    assert len(set(objective.drawn)) == 2 * accumulate


def test_statistics_of_norms_move_as_for_the_whole_batch_where_micro_batches_are_uneven():
    """The running mean weighs micro-batches of three and two rows by their rows; at every size of the step."""
    values = torch.tensor([[0.0], [1.0], [2.0], [30.0], [50.0]])
    for scales in (None, two_sizes(eager=True), two_sizes(eager=False)):
        step, objective, _ = make_step(scales=scales, accumulate=2)
        step(0, {"left": {"x": values}})
        for size in (16, 8):
            with nullcontext() if scales is None else objective.statistics.at(size):
                assert objective.norm.running_mean.item() == pytest.approx(0.1 * values.mean().item())
                assert objective.norm.num_batches_tracked.item() == 1
