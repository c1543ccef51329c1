"""Inverse transforms: how predictions get back into the units of the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from declare.contract.kinds.transform import InverseStep
from declare.parsing.read_component import read_component

if TYPE_CHECKING:
    import torch


def inverse(steps: Sequence[InverseStep]) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """Return what takes values [rows, ...] back through `steps`, one after another; None for no step."""
    from declare.nn.tasks.inverse import Inverse

    undo: Inverse | None = None
    for step in reversed(steps):
        undo = Inverse(read_component("transforms", step.transform), step.statistics, undo)
    return undo
