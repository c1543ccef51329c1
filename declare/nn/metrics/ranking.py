"""How well scores rank, from all predictions at once. Shapes: N samples, K classes, L labels, W width."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from declare.nn.precision import to_double


class Ranking:
    """Stores predictions and targets; computes a score of each column and averages the defined ones.

    Takes logits [N, K] and indices [N] (each class against the rest), logits and labels [N, L] (NaN where missing),
    or values [N] or [N, W]. NaN where the prediction of a known target is NaN. `update`, `compute` and `reset` are
    named as torchmetrics names them.
    """

    def __init__(self, score: Callable[[Tensor, Tensor], Tensor]) -> None:
        self._score = score
        self._kept: list[tuple[Tensor, Tensor]] = []

    def update(self, prediction: Tensor, target: Tensor) -> None:
        """Take in a batch: predictions and targets [N, ...]."""
        self._kept.append(self.columns(prediction, target))

    def columns(self, prediction: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return scores and truth [N, columns] of predictions and targets [N, ...], NaN where truth is missing."""
        if prediction.dim() == target.dim() + 1:
            truth = target.unsqueeze(1) == torch.arange(prediction.shape[1], device=target.device)
            # A sample without a class counts in no column.
            target = truth.float().masked_fill((target < 0).unsqueeze(1), torch.nan)
            prediction = against_rest(to_double(prediction))
        width = target.shape[-1] if target.dim() > 1 else 1
        return prediction.reshape(-1, width), target.reshape(-1, width)

    def local_state(self) -> list[tuple[Tensor, Tensor]]:
        """Return the batches [N, ...] that this process has seen."""
        return [(prediction.cpu(), target.cpu()) for prediction, target in self._kept]

    def merge_states(self, states: Sequence[list[tuple[Tensor, Tensor]]]) -> None:
        """Take the batches [N, ...] that all processes have seen, by rank."""
        self._kept = [pair for portion in states for pair in portion]

    def compute(self) -> Tensor:
        """Return the mean score, a scalar in double precision; NaN if no column has one."""
        if not self._kept:
            return torch.tensor(torch.nan, dtype=torch.float64)
        predictions = torch.cat([pair[0].cpu() for pair in self._kept])
        return self.mean_score(predictions, torch.cat([pair[1].cpu() for pair in self._kept]))

    def mean_score(self, predictions: Tensor, targets: Tensor) -> Tensor:
        """Return the mean score of columns [N, columns], a scalar in double precision; NaN if none has one."""
        predictions, targets = predictions.double(), targets.double()
        is_labelled = ~targets.isnan()
        if predictions[is_labelled].isnan().any():
            return torch.tensor(torch.nan, dtype=torch.float64)
        columns = zip(predictions.unbind(1), targets.unbind(1), is_labelled.unbind(1), strict=True)
        values = torch.stack([self._score(score[mask], truth[mask]) for score, truth, mask in columns])
        return values[values.isfinite()].mean()

    def reset(self) -> None:
        """Forget everything."""
        self._kept.clear()


def against_rest(logits: Tensor) -> Tensor:
    """Return the log odds [N, K] of each class against all others, for logits [N, K] in double precision.

    They rank as probabilities do, and continue where probabilities in any precision are 1.
    """
    top, best = logits.max(1, keepdim=True)
    # The rest of any other class holds the best one, so that nothing cancels; that of the best is summed without it.
    size = (logits - top).exp()
    rest = (size.sum(1, keepdim=True) - size).log() + top
    is_best = torch.arange(logits.shape[1], device=logits.device) == best
    runners = logits.masked_fill(is_best, -torch.inf).logsumexp(1, keepdim=True)
    return logits - torch.where(is_best, runners, rest)


def ranks(values: Tensor) -> Tensor:
    """Return ranks [N] from 1; equal values get their mean rank."""
    _, place, counts = values.unique(return_inverse=True, return_counts=True)
    last = counts.cumsum(0).double()
    return (last - (counts - 1) / 2)[place]


def auroc(score: Tensor, truth: Tensor) -> Tensor:
    """Return the probability that a positive scores above a negative, for scores and truth [N]; NaN without both."""
    positive = truth > 0.5
    num_positive, num_negative = positive.sum().double(), (~positive).sum().double()
    return (ranks(score)[positive].sum() - num_positive * (num_positive + 1) / 2) / (
        num_positive * num_negative
    )


def average_precision(score: Tensor, truth: Tensor) -> Tensor:
    """Return the precision averaged over recall in steps, for scores and truth [N]; NaN without positives."""
    thresholds, place = score.unique(return_inverse=True)
    zeros = torch.zeros(len(thresholds), dtype=torch.float64)
    # From the highest threshold down: what is predicted so far, and what of it is true.
    true = zeros.scatter_add(0, place, truth).flip(0)
    num_predicted = zeros.scatter_add(0, place, torch.ones_like(truth)).flip(0)
    return (true * true.cumsum(0) / num_predicted.cumsum(0)).sum() / true.sum()


def spearman(score: Tensor, truth: Tensor) -> Tensor:
    """Return the correlation of ranks of scores and truth [N], a scalar; NaN if one side is constant."""
    score_ranks, truth_ranks = ranks(score), ranks(truth)
    score_ranks, truth_ranks = score_ranks - score_ranks.mean(), truth_ranks - truth_ranks.mean()
    return (
        (score_ranks * truth_ranks).sum() / ((score_ranks**2).sum().sqrt() * (truth_ranks**2).sum().sqrt())
    ).clamp(-1, 1)
