"""Costs of layers in closed form: parameters, FLOPs and activation bytes of one sample."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Self

from declare.contract.kinds.module import Costs
from declare.contract.shapes import Dim

BYTES = 4  # fp32


@dataclass
class CostCounter:
    """A running sum over layers; a size that varies (`None`) makes FLOPs and bytes unknown, never parameters.

    FLOPs are those of matrix products and convolutions, 2 per multiply-add; biases, norms and activations are
    left out, as torch's own counter does. Activation bytes are those of every layer's output.
    """

    parameters: int = 0
    flops: int | None = 0
    activation_bytes: int | None = 0

    def linear(self, inputs: int, outputs: int, *, positions: Dim = 1, bias: bool = True) -> Self:
        """Add a linear layer, or a 1x1 convolution, applied at `positions` places."""
        return self.conv(inputs, outputs, (1,), (positions,), bias=bias)

    def conv(
        self, inputs: int, outputs: int, kernel: Iterable[int], out: Iterable[Dim], *, bias: bool = True
    ) -> Self:
        """Add a convolution with output size `out` (spatial axes)."""
        weights = inputs * outputs * prod(kernel)
        self.parameters += weights + (outputs if bias else 0)
        positions = size(out)
        self.multiply(None if positions is None else weights * positions)
        return self.write(outputs, out)

    def norm(self, features: int, out: Iterable[Dim] = ()) -> Self:
        """Add a norm with a scale and a shift per feature, applied at the places of `out`."""
        self.parameters += 2 * features
        return self.write(features, out)

    def multiply(self, multiply_adds: int | None) -> Self:
        """Add multiply-adds without weights."""
        self.flops = None if self.flops is None or multiply_adds is None else self.flops + 2 * multiply_adds
        return self

    def write(self, features: int, out: Iterable[Dim] = ()) -> Self:
        """Add a layer's output of `features` at the places of `out`."""
        positions = size(out)
        known = self.activation_bytes is not None and positions is not None
        self.activation_bytes = self.activation_bytes + BYTES * features * positions if known else None  # type: ignore[operator]
        return self

    def costs(self) -> Costs:
        """Return the sums."""
        return Costs(self.parameters, self.flops, self.activation_bytes)


def size(dims: Iterable[Dim]) -> int | None:
    """Return the product of `dims`, or None if one varies."""
    total = 1
    for dim in dims:
        if dim is None:
            return None
        total *= dim
    return total
