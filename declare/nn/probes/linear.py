"""A linear layer fitted to its minimum. Shapes: N samples, F features."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn


class LinearProbe(nn.Module):
    """A linear layer on features [N, F] in standard units, fitted with L-BFGS from zero.

    Source: Alain and Bengio 2017; L-BFGS: Liu and Nocedal 1989.
    """

    mean: Tensor
    scale: Tensor

    def __init__(
        self, width: int, output: tuple[int, ...], *, l2: float = 0.01, iterations: int = 200
    ) -> None:
        super().__init__()
        self._output = output
        self._l2 = l2
        self._iterations = iterations
        self.layer = nn.Linear(width, math.prod(output))
        nn.init.zeros_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def fit(self, features: Tensor, loss: Callable[[Tensor], Tensor]) -> None:
        """Learn from features; `loss` maps the output for all of them to a scalar."""
        self.mean = features.mean(0)
        spread = features.std(0, correction=0)
        # A constant feature has no information, and dividing by its rounding would blow it up.
        self.scale = (1 / spread).where(spread > 1e-6 * (1e-6 + self.mean.abs()), 0.0)
        standardised = (features - self.mean) * self.scale
        optimizer = torch.optim.LBFGS(
            self.parameters(),
            max_iter=self._iterations,
            tolerance_grad=1e-6,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            value = loss(self._output_of(standardised)) + self._l2 * self.layer.weight.square().sum()
            value.backward()
            return value

        with torch.enable_grad():
            optimizer.step(closure)

    def forward(self, features: Tensor) -> Tensor:
        """Return the output for features, [N] or [N, ...]."""
        return self._output_of((features - self.mean) * self.scale)

    def _output_of(self, standardised: Tensor) -> Tensor:
        return self.layer(standardised).reshape(len(standardised), *self._output)
