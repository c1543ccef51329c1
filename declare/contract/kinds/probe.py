"""Probes: how much of a target frozen features hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

from pydantic import Field as Param

from declare.contract.component import Component

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor


class FittedProbe(Protocol):
    """What `build` returns."""

    def to(self, device: torch.device) -> Self:
        """Move it to a device."""
        ...

    def fit(self, features: Tensor, loss: Callable[[Tensor], Tensor]) -> None:
        """Learn from features [N, width]; `loss` maps an output for all of them to a scalar. Draws nothing."""
        ...

    def __call__(self, features: Tensor) -> Tensor:
        """Return the output for features, in the shape that the task's head gives."""
        ...


class Probe(Component):
    """A model of its own, fitted on the training split at the end of a phase; the weights of the run stand still.

    The same features and targets always give the same fit.
    """

    task: str = Param(description="the task that the probe learns")
    input: str | None = Param(
        None, description="a module or `module.output`; by default what the task's head reads"
    )

    def build(self, width: int, output: tuple[int, ...]) -> FittedProbe:
        """Return the probe for features of `width` and an output of the shape `output` for each sample."""
        raise NotImplementedError
