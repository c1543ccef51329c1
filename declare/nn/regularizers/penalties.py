"""Penalties on a list of parameters, each a scalar."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Penalty(nn.Module):
    """The sum of a penalty over parameters of any shape, a scalar; 0 if there are none."""

    def forward(self, parameters: Sequence[Tensor]) -> Tensor:
        """Return the summed penalty, a scalar."""
        parts = [self.one(item) for item in parameters]
        return torch.stack(parts).sum() if parts else torch.zeros(())

    def one(self, parameter: Tensor) -> Tensor:
        """Return the penalty of one parameter, a scalar."""
        raise NotImplementedError


class L1(Penalty):
    """The sum of absolute values, a scalar."""

    def one(self, parameter: Tensor) -> Tensor:
        """Return the penalty of one parameter, a scalar."""
        return parameter.abs().sum()


class L2(Penalty):
    """The sum of squares, a scalar."""

    def one(self, parameter: Tensor) -> Tensor:
        """Return the penalty of one parameter, a scalar."""
        return parameter.square().sum()


class GroupLasso(Penalty):
    """The sum, a scalar, of the norm of each group times the root of its size.

    A group is what one index along `dim` selects: the weights that leave (`dim` 0) or enter (`dim` 1) a
    unit. Parameters without that axis are one group. The gradient at a group of zeros is 0.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self._dim = dim

    def one(self, parameter: Tensor) -> Tensor:
        """Return the penalty of one parameter, a scalar."""
        is_one_group = parameter.dim() < 2 or parameter.dim() <= self._dim
        rows = parameter.reshape(1, -1) if is_one_group else parameter.movedim(self._dim, 0).flatten(1)
        return torch.linalg.vector_norm(rows, dim=1).sum() * rows.shape[1] ** 0.5


class Smoothness(Penalty):
    """The sum of squared differences between neighbours of order `order` along the trailing axes.

    For filters [out, in, ...] the axes after the second, for a matrix its last one, for a vector its only
    one.
    """

    def __init__(self, order: int) -> None:
        super().__init__()
        self._order = order

    def one(self, parameter: Tensor) -> Tensor:
        """Return the penalty of one parameter, a scalar."""
        axes = (
            range(2, parameter.dim()) if parameter.dim() > 2 else range(parameter.dim() - 1, parameter.dim())
        )
        parts = [
            torch.diff(parameter, self._order, dim=axis).square().sum()
            for axis in axes
            if parameter.shape[axis] > self._order
        ]
        return torch.stack(parts).sum() if parts else parameter.new_zeros(())
