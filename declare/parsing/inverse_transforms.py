"""Inverse transforms: how predictions get back into the units of the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from declare.contract.kinds.transform import InverseStep
from declare.parsing.read_component import read_component

if TYPE_CHECKING:
    import torch


def inverse(steps: Sequence[InverseStep]) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """Return what takes values [rows, ...] back through `steps`, one after another; None for no step."""
    undo = [
        partial(read_component("transforms", step.transform).invert, statistics=step.statistics)
        for step in steps
    ]

    def inverted(values: torch.Tensor) -> torch.Tensor:
        for step in undo:
            values = step(values)
        return values

    return inverted if undo else None
