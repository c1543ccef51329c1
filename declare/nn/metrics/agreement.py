"""How predicted classes agree with true ones. Shapes: N samples, K classes, L labels."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from declare.nn.metrics.figure import Accumulator
from declare.nn.ordered import median

Average = Literal["macro", "micro", "weighted"]


class Confusion(Accumulator):
    """Counts of (true, predicted) classes [K, K].

    Takes probabilities [N, K, ...] and indices [N, ...], -1 where missing. The predicted class is the
    likeliest, or, with `ordered`, the median class.
    """

    def __init__(self, num_classes: int, *, ordered: bool = False) -> None:
        super().__init__()
        self.key = ("confusion", num_classes, ordered)
        self._num_classes = num_classes
        self._ordered = ordered

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the counts of a batch; missing targets are counted in a place that is cut off."""
        number = self._num_classes
        found = median(prediction) if self._ordered else prediction.argmax(1)
        place = torch.where(target >= 0, target * number + found, number * number)
        counts = torch.bincount(place.flatten(), minlength=number * number + 1)
        return counts[: number * number].view(number, number)


class LabelCounts(Accumulator):
    """Counts [4, L] of decisions on each label: true and false positives, false and true negatives.

    Takes probabilities and labels [N, L], NaN where missing; a label is predicted above `threshold`.
    """

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__()
        self.key = ("labels", threshold)
        self._threshold = threshold

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the counts of a batch."""
        said, known = prediction > self._threshold, ~target.isnan()
        true = target > 0.5
        cases = (said & true, said & ~true & known, ~said & true, ~said & ~true & known)
        return torch.stack([case.sum(0) for case in cases])


class LabelMatches(Accumulator):
    """Numbers [2] of samples all of whose known labels are right, and of samples that have some.

    Takes probabilities and labels [N, L], NaN where missing; a label is predicted above one half.
    """

    key = "label matches"

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the numbers of a batch."""
        known = ~target.isnan()
        some = known.any(1)
        right = (((prediction > 0.5) == (target > 0.5)) | ~known).all(1) & some
        return torch.stack([right.sum(), some.sum()])


def decisions(counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return true positives, false positives and false negatives of the classes of a `Confusion`."""
    right = counts.diagonal()
    return right, counts.sum(0) - right, counts.sum(1) - right


def labelwise(counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return true positives, false positives and false negatives of `LabelCounts`."""
    return counts[0], counts[1], counts[2]


def share_right(counts: Tensor) -> Tensor:
    """Return the share of samples whose class is right, of a `Confusion`."""
    return counts.trace() / counts.sum()


def share_right_labels(counts: Tensor) -> Tensor:
    """Return the share of right decisions over all labels, of `LabelCounts`."""
    return (counts[0] + counts[3]).sum() / counts.sum()


def precision(right: Tensor, extra: Tensor, missed: Tensor) -> Tensor:  # noqa: ARG001 - the contract's signature
    """Return the share of what was predicted that is true; 0 where nothing was predicted."""
    return _ratio(right, right + extra)


def recall(right: Tensor, extra: Tensor, missed: Tensor) -> Tensor:  # noqa: ARG001 - the contract's signature
    """Return the share of what is true that was predicted; 0 where nothing is true."""
    return _ratio(right, right + missed)


def f1(right: Tensor, extra: Tensor, missed: Tensor) -> Tensor:
    """Return the harmonic mean of precision and recall (the Dice overlap)."""
    return _ratio(2 * right, 2 * right + extra + missed)


def iou(right: Tensor, extra: Tensor, missed: Tensor) -> Tensor:
    """Return intersection over union."""
    return _ratio(right, right + extra + missed)


Score = Callable[[Tensor, Tensor, Tensor], Tensor]


def averaged(score: Score, average: Average, *, labels: bool = False) -> Callable[[Tensor], Tensor]:
    """Return the formula that averages a score over classes or labels.

    `macro`: the mean over classes that are true or predicted somewhere (scikit-learn's rule); `micro`: over
    all decisions together; `weighted`: by how often each class is true. NaN where there is no sample.
    """
    return partial(_average, score, average, labelwise if labels else decisions)


def _average(
    score: Score, average: Average, split: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]], counts: Tensor
) -> Tensor:
    if not counts.sum():
        return torch.tensor(torch.nan, dtype=torch.float64)
    right, extra, missed = split(counts)
    if average == "micro":
        return score(right.sum(), extra.sum(), missed.sum())
    values = score(right, extra, missed)
    if average == "weighted":
        support = right + missed
        return (values * support).sum() / support.sum()
    present = right + extra + missed > 0
    # A label that is never set and never predicted leaves nothing to average.
    return values[present].mean()


def balanced_accuracy(counts: Tensor) -> Tensor:
    """Return the mean recall over the classes that have samples."""
    support = counts.sum(1)
    present = support > 0
    return (counts.diagonal()[present] / support[present]).mean()


def mean_steps(counts: Tensor) -> Tensor:
    """Return the mean distance between predicted and true class, in class steps."""
    return (counts * _steps(counts)).sum() / counts.sum()


def mean_squared_steps(counts: Tensor) -> Tensor:
    """Return the mean squared distance between predicted and true class, in class steps."""
    return (counts * _steps(counts) ** 2).sum() / counts.sum()


def root_mean_steps(counts: Tensor) -> Tensor:
    """Return the root of the mean squared distance in class steps."""
    return mean_squared_steps(counts).sqrt()


def kappa(counts: Tensor) -> Tensor:
    """Return Cohen's kappa with quadratic weights: 1 is perfect, 0 is chance (Cohen 1968).

    NaN where neither truth nor prediction varies.
    """
    steps = _steps(counts) ** 2
    chance = counts.sum(1, keepdim=True) * counts.sum(0, keepdim=True) / counts.sum()
    return 1 - (counts * steps).sum() / (chance * steps).sum()


def _steps(counts: Tensor) -> Tensor:
    place = torch.arange(counts.shape[0], dtype=counts.dtype)
    return (place.unsqueeze(1) - place).abs()


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    return part / whole.clamp_min(1)


class TopShare(Accumulator):
    """Sums (samples whose class is among the `top` likeliest, samples). Takes [N, K, ...] and [N, ...]."""

    def __init__(self, top: int) -> None:
        super().__init__()
        self.key = ("top", top)
        self._top = top

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the sums of a batch."""
        valid = target >= 0
        best = prediction.topk(min(self._top, prediction.shape[1]), 1).indices
        hits = (best == target.unsqueeze(1)).any(1) & valid
        return torch.stack([hits.sum(), valid.sum()])


def share(sums: Tensor) -> Tensor:
    """Return the first sum over the second."""
    return sums[0] / sums[1]
