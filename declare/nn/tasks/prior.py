"""What is known of targets before any input is seen: logits of shares. Shapes: K classes."""

from collections.abc import Sequence

import torch
from torch import Tensor


def class_logits(counts: Sequence[int] | None) -> Tensor | None:
    """Return the log share [K] of each class; None if nothing was counted.

    If some class has no sample every count is one higher (Laplace), so that a class of other splits costs a
    finite loss.
    """
    if not counts or not sum(counts):
        return None
    class_counts = torch.tensor(counts, dtype=torch.float64)
    class_counts = class_counts if bool(class_counts.all()) else class_counts + 1
    return (class_counts / class_counts.sum()).log().float()


def conditional_logits(counts: Sequence[int] | None) -> Tensor | None:
    """Return the logits [K - 1] of passing class k, given that all before were passed; None without counts."""
    logits = class_logits(counts)
    if logits is None:
        return None
    shares = logits.double().exp()
    beyond = shares.flip(0).cumsum(0).flip(0)
    return (beyond[1:].log() - shares[:-1].log()).float()


def label_logits(rates: Sequence[float] | None) -> Tensor | None:
    """Return the logit [L] of each label's rate, kept 1e-6 away from 0 and 1; None if no rate is known."""
    if not rates:
        return None
    return torch.tensor(rates, dtype=torch.float64).clamp(1e-6, 1 - 1e-6).logit().float()


def constant(logits: Tensor | None, output: Tensor, axis: int) -> Tensor | None:
    """Return `logits` [K] at every place of `output`, with classes along `axis`; None if there are none."""
    if logits is None:
        return None
    shape = [1] * output.dim()
    shape[axis] = len(logits)
    return logits.to(output).reshape(shape).expand_as(output)
