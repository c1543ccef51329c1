"""How well tokens are predicted. Shapes: N texts, T positions, V tokens of the vocabulary."""

import torch
from torch import Tensor

from declare.nn.metrics.metric import Accumulator
from declare.nn.precision import to_double


class TokenSums(Accumulator):
    """Sums [5]: negative log probability, right tokens, tokens, texts right from end to end, texts.

    Takes logits [N, T, V] and ids [N, T], -1 where nothing counts.
    """

    key = "tokens"

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the sums [5] of a batch."""
        valid = target >= 0
        logits = to_double(prediction[valid])
        prediction, target, valid = (item.to(logits.device) for item in (prediction, target, valid))
        cost = (logits.logsumexp(1) - logits.gather(1, target[valid][:, None])[:, 0]).sum()
        is_right = (prediction.argmax(2) == target) & valid
        has_tokens = valid.any(1)
        exact_matches = ((is_right == valid).all(1) & has_tokens).sum()
        return torch.stack([cost, is_right.sum(), valid.sum(), exact_matches, has_tokens.sum()])


def perplexity(sums: Tensor) -> Tensor:
    """Return the exponential of the mean cost of a token, from sums [5]; NaN if there was none."""
    return (sums[0] / sums[2]).exp()


def token_accuracy(sums: Tensor) -> Tensor:
    """Return the fraction of correct tokens, from sums [5]."""
    return sums[1] / sums[2]


def exact_match(sums: Tensor) -> Tensor:
    """Return the fraction of texts whose tokens are all correct, from sums [5]."""
    return sums[3] / sums[4]
