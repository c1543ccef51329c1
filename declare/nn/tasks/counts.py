"""Counts as draws from Poisson distributions. Shapes: B batch, N units."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from declare.nn.precision import at_least_single, to_double
from declare.nn.tasks.masking import MaskedTarget

TINY = 1e-6


def rates(output: Tensor, offset: Tensor, link: str) -> Tensor:
    """Return the rate of each unit [B, N] for what a head gives; an output of 0 is the unit's mean rate."""
    score = at_least_single(output) + offset
    if link == "exp":
        return score.exp()
    if link == "elu":
        return functional.elu(score) + 1 + TINY
    return functional.softplus(score) + TINY


def log_rates(output: Tensor, offset: Tensor, link: str) -> Tensor:
    """Return the logarithm of each unit's rate [B, N], finite even if the rate itself is too small for a number."""
    return at_least_single(output) + offset if link == "exp" else rates(output, offset, link).log()


def offsets(means: Sequence[float], link: str) -> Tensor:
    """Return the score [N] at which the rate is the mean, hardly above 0 for silent units; in double precision."""
    mean = torch.tensor(means, dtype=torch.float64).clamp_min(2 * TINY)
    if link != "exp":
        mean = mean - TINY  # `rates` adds it
    if link == "softplus":
        score = mean + torch.log(-torch.expm1(-mean))
    elif link == "elu":
        score = torch.where(mean > 1, mean - 1, mean.log())
    else:
        score = mean.log()
    return score


class Counts(MaskedTarget):
    """Takes outputs and counts [B, N]; NaN where a count is missing or masked."""

    def __init__(self, *, target: str, means: Sequence[float], link: str, mask: str | None = None) -> None:
        super().__init__(target, mask)
        self._link = link
        self._offset = offsets(means, link)

    def scores(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return rates in double precision, and counts, both [B, N]."""
        return self._rates(output), self.target(batch)

    def with_expectation(self, value: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return predictions and targets [B, N] for the metrics if the true rates are known: the best prediction."""
        return value, self.target(batch)

    def predict(self, output: Tensor) -> dict[str, Tensor]:
        """Return `rate` [B, N]: the expected count of each unit."""
        return {"rate": self._rates(output)}

    def baseline_prediction(
        self, output: Tensor, batch: Mapping[str, Tensor], generator: torch.Generator
    ) -> Tensor | None:
        """Return zeros [B, N]: each unit's mean rate."""
        return torch.zeros_like(output)

    def _rates(self, output: Tensor) -> Tensor:
        precise = to_double(output)
        return rates(precise, self._offset.to(precise.device), self._link)
