"""Tables hand over what the source holds: inputs rounded after transforms, targets in double precision."""

import numpy as np
import pytest
import torch

from declare.data.check.duplicates import Twins
from declare.lowering.data.loader import evaluation_batches
from declare.lowering.data.tables import Tables
from declare.lowering.model.graph import make_graph
from declare.lowering.training.task_losses import TaskLosses
from tests.compiler.graph.test_input_precision import SPEC, SPLIT, STANDARDIZE
from tests.compiler.specs import run

N = len(SPLIT)
X = np.stack([1.7e9 + np.arange(N), 1e12 + np.arange(N) / 100], 1)
VECTOR = ("y: {type: number}", "y: {type: vector}")
BOTH = ("enc: {type: mlp, input: x, hidden: [4]}", "enc: {type: tabular, input: [y], width: 4}")
LOG = ("transforms: []", "transforms: [{type: log, field: y}, {type: standardize, field: x}]")


def tables(tmp_path, *changes, **columns):
    """Return the plan of a spec over these columns, and its open tables."""
    np.savez(tmp_path / "d.npz", **({"x": X, "y": X[:, 0], "s": SPLIT} | columns))
    checked = run(tmp_path, SPEC, *changes)
    assert checked.plan is not None, [item.title for item in checked.diagnostics]
    return checked.plan, Tables.fit(checked.plan)


def compared(plan, opened, output):
    """Return what metrics compare on the training split for an output of the head."""
    (batch,) = evaluation_batches(opened, "d", "train", N, torch.device("cpu"))
    return TaskLosses(plan.tasks["k"]).eval().adapter.scores(output, batch), batch


def test_inputs_are_rounded_after_transforms(tmp_path):
    """As many different rows reach the model as the source holds, in single precision."""
    _, opened = tables(tmp_path, STANDARDIZE)
    found = opened.table("d", "train").array("x")
    assert found.dtype == np.float32
    assert all(len(np.unique(column)) == 40 for column in found.T)


@pytest.mark.parametrize("changes", [[STANDARDIZE], [STANDARDIZE, VECTOR], [LOG]])
def test_metrics_compare_the_numbers_of_the_source(tmp_path, changes):
    """Targets are those of the source in double precision, whatever the offset; the loss sees single precision."""
    y = X if VECTOR in changes else X[:, 0]
    plan, opened = tables(tmp_path, *changes, y=y)
    output = torch.zeros(40, *y.shape[1:])
    (_, truth), batch = compared(plan, opened, output)
    rtol = 1e-13 if LOG in changes else 0
    np.testing.assert_allclose(truth.numpy(), y[:40], rtol=rtol)
    learned = TaskLosses(plan.tasks["k"]).adapter.target(batch)
    assert learned.dtype == torch.float32
    if LOG not in changes:
        expected = (y[:40] - y[:40].mean(0)) / y[:40].std(0)
        np.testing.assert_allclose(learned.numpy(), expected, atol=1e-6 if y.ndim == 1 else 1e-3)


def test_a_target_that_is_read_too_is_rounded_for_the_model(tmp_path):
    """A column may be input and target; the model computes in single precision."""
    plan, opened = tables(tmp_path, BOTH, y=np.round(np.linspace(2000, 2020, N)))
    assert plan.datasets["d"].fields["y"].double
    (batch,) = evaluation_batches(opened, "d", "train", N, torch.device("cpu"))
    assert batch["y"].dtype == torch.float64
    assert make_graph(plan)({"d": batch}, ["k"])["k"]["d"].dtype == torch.float32


def test_no_repeats_are_made_up():
    """Samples are the same where their numbers are, in whatever type a block was read."""
    twins = Twins(["x"], [])
    twins.take(np.arange(2), ["train"] * 2, {"x": [np.float64(1.7e9), np.float64(1.7e9 + 1)]})
    twins.take(np.arange(2, 4), ["train"] * 2, {"x": [np.float32(2.5), np.float64(2.5)]})
    assert twins.summary(str).within == 1
