"""Ordered classes by conditional probabilities. Shapes: B batch, K classes.

Source: CORN, Shi, Cao and Raschka 2021, https://arxiv.org/abs/2111.08851.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from declare.nn.ordinal import median
from declare.nn.precision import to_double
from declare.nn.tasks.classification import Classification
from declare.nn.tasks.prior import conditional_logits


class Ordinal(Classification):
    """Takes logits [B, K - 1] and class indices [B], -1 where missing.

    The sigmoid of logit k is the probability that a sample passes class k, given that it passed all before.
    """

    def predict(self, output: Tensor) -> dict[str, Tensor]:
        """Return `class` [B], the median class, and the probability of each class [B, K]."""
        probability = self.logits(output).exp()
        return {"class": median(probability), "probability": probability}

    def prior(self, counts: Sequence[int] | None) -> Tensor | None:
        """Return the conditional logits [K - 1] that training samples of each class alone lead to."""
        return conditional_logits(counts)

    def logits(self, output: Tensor) -> Tensor:
        """Return log-probabilities [B, K] of classes, in double precision, for conditional logits [B, K - 1]."""
        steps = to_double(output)
        zero = torch.zeros_like(steps[:, :1])
        log_beyond = torch.cat([zero, functional.logsigmoid(steps).cumsum(1)], 1)
        return log_beyond + torch.cat([functional.logsigmoid(-steps), zero], 1)
