"""Steps that leave out bad batches: what is undone, and what is no batch's fault."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from declare.nn.distributed.process_group import SINGLE_PROCESS
from declare.runtime.step.skipping import BatchFailedError, BufferSnapshot, SkippingStep


def skipping(model: nn.Module, loss: float, *, fails_before: bool = False, fails_after: bool = False) -> Any:
    """Return a step that moves a buffer, gives this loss, and may fail before or in its update."""

    def step(number: int, batch: Any, before_update: Any) -> Any:
        model.running_mean.fill_(number)  # type: ignore[operator, union-attr]
        if fails_before:
            raise ValueError("a bad batch")
        before_update(torch.tensor(loss), list(model.parameters()))
        if fails_after:
            raise RuntimeError("the optimizer failed")
        return torch.tensor(loss), torch.tensor([loss])

    return SkippingStep(step, BufferSnapshot(model), SINGLE_PROCESS, scaled=False)


@pytest.mark.parametrize("case", [{"loss": float("nan")}, {"loss": 1.0, "fails_before": True}])
def test_a_bad_batch_leaves_buffers_as_they_were(case: dict[str, Any]) -> None:
    """Whether it fails or its loss is not finite."""
    model = nn.BatchNorm1d(2)
    with pytest.raises(BatchFailedError):
        skipping(model, **case)(7, {})
    assert model.running_mean is not None
    assert model.running_mean.tolist() == [0, 0]


def test_a_failing_update_is_no_bad_batch() -> None:
    """Weights may have changed: the error goes up as it is."""
    with pytest.raises(RuntimeError, match="the optimizer failed"):
        skipping(nn.BatchNorm1d(2), 1.0, fails_after=True)(7, {})


def test_a_good_batch_is_kept() -> None:
    """Its loss comes back and its buffers stay."""
    model = nn.BatchNorm1d(2)
    loss, _ = skipping(model, 0.5)(7, {})
    assert float(loss) == 0.5
    assert model.running_mean is not None
    assert model.running_mean.tolist() == [7, 7]
