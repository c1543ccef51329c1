"""Regularizers: penalties on parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field as Param

from declare.contract.component import Component

if TYPE_CHECKING:
    from torch import nn


class Regularizer(Component):
    """A penalty on matching parameters, added to the loss."""

    match: str = Param(description="a glob over parameter names")
    weight: float = Param(gt=0, le=1e6)

    def build(self) -> nn.Module:
        """Return a module that maps a list of parameters to an unweighted scalar penalty."""
        raise NotImplementedError
