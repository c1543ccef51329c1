"""A step: what is drawn, clipped and reported in it."""

import pytest
import torch
from torch import nn

from declare.runtime.run_folder.folder import Run
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
