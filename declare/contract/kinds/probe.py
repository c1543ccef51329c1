"""Probes: how well a target can be predicted from frozen features."""

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
        """Fit to features [N, width]; `loss` maps an output for all of them to a scalar. It is deterministic."""
        ...

    def __call__(self, features: Tensor) -> Tensor:
        """Return the output for features, in the shape that the task's head gives."""
        ...


class Probe(Component):
    """A separate model, fitted on the training split at the end of a phase; the run's weights do not change.

    The same features and targets always give the same fit.
    """

    task: str = Param(description="the task whose target the probe predicts")
    input: str | None = Param(
        None, description="a module or `module.output`; default: what the task's head reads"
    )

    def build(self, width: int, output: tuple[int, ...]) -> FittedProbe:
        """Return the probe for features of `width` and an output of the shape `output` for each sample."""
        raise NotImplementedError
