"""How predicted classes agree with true ones. Shapes: N samples, K classes, L labels, D targets side by side."""

import math
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from declare.nn.metrics.metric import Accumulator
from declare.nn.ordinal import median
from declare.nn.precision import to_double

Average = Literal["macro", "micro", "weighted"]


class Confusion(Accumulator):
    """Counts of (true, predicted) classes [K, K]; of several targets with other classes [D, K, K].

    Takes logits [N, K, ...] and indices [N, ...], -1 where missing. The predicted class is the likeliest (the
    first of several), or, with `ordered`, the median class; the logits are then log-probabilities.
    """

    def __init__(self, classes: Sequence[str], *, ordered: bool = False) -> None:
        super().__init__()
        self.key = ("confusion", tuple(classes), ordered)
        self._num_classes = len(classes)
        self._ordered = ordered

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the counts [K, K] of a batch; missing targets are counted in a place that is cut off."""
        number = self._num_classes
        predicted_class = median(to_double(prediction).exp()) if self._ordered else prediction.argmax(1)
        target = target.to(predicted_class.device)
        place = torch.where(target >= 0, target * number + predicted_class, number * number)
        counts = torch.bincount(place.flatten(), minlength=number * number + 1)
        return counts[: number * number].view(number, number)

    def side_by_side(self, totals: Sequence[Tensor]) -> Tensor:
        """Return the counts of targets with other classes [D, K, K]: the fewer are filled up with absent classes."""
        number = max(len(total) for total in totals)
        padding = [(0, number - len(total)) * 2 for total in totals]
        return torch.stack([functional.pad(total, pad) for total, pad in zip(totals, padding, strict=True)])


class LabelCounts(Accumulator):
    """Counts [4, L] of decisions on each label: true and false positives, false and true negatives.

    Takes logits and labels [N, L], NaN where missing; a label is predicted if its probability is above
    `threshold`.
    """

    def __init__(self, labels: Sequence[str], threshold: float = 0.5) -> None:
        super().__init__()
        self.key = ("labels", tuple(labels), threshold)
        self._threshold = math.log(threshold) - math.log1p(-threshold)

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the counts [4, L] of a batch."""
        prediction, target = to_double(prediction), to_double(target)
        positive, is_labelled = prediction > self._threshold, ~target.isnan()
        true = target > 0.5
        cases = (
            positive & true,
            positive & ~true & is_labelled,
            ~positive & true,
            ~positive & ~true & is_labelled,
        )
        return torch.stack([case.sum(0) for case in cases])


class LabelMatches(Accumulator):
    """Numbers [2] of samples all of whose labels are right, and of samples whose labels are all known.

    Takes logits and labels [N, L], NaN where missing; a label is predicted if its probability is above one
    half. A sample with an unknown label is left out: it is unknown whether it is right.
    """

    key = "label matches"

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the numbers [2] of a batch."""
        valid = (~target.isnan()).all(1)
        all_right = ((prediction > 0) == (target > 0.5)).all(1) & valid
        return torch.stack([all_right.sum(), valid.sum()])


class Decisions(NamedTuple):
    """Numbers [K] of decisions for each class: true and false positives, false and true negatives."""

    true_positives: Tensor
    false_positives: Tensor
    false_negatives: Tensor
    true_negatives: Tensor

    def pool_classes(self) -> "Decisions":
        """Return the decisions on all classes together, each number a scalar."""
        return Decisions(*(item.sum() for item in self))


def decisions(counts: Tensor) -> Decisions:
    """Return the decisions on each class, each against the rest of its target, of a `Confusion` [..., K, K]."""
    true_positives = _num_correct(counts)
    false_positives, false_negatives = counts.sum(-2) - true_positives, counts.sum(-1) - true_positives
    positives = true_positives + false_positives + false_negatives
    true_negatives = counts.sum((-2, -1)).unsqueeze(-1) - positives
    numbers = (true_positives, false_positives, false_negatives, true_negatives)
    return Decisions(*(item.flatten() for item in numbers))


def labelwise(counts: Tensor) -> Decisions:
    """Return the decisions on each label, of `LabelCounts` [4, L]."""
    return Decisions(*counts)


def share_right(counts: Tensor) -> Tensor:
    """Return the fraction of samples with the correct class, of a `Confusion` [..., K, K]."""
    return _num_correct(counts).sum() / counts.sum()


def share_right_labels(counts: Tensor) -> Tensor:
    """Return the fraction of correct decisions over all labels, of `LabelCounts` [4, L]."""
    return (counts[0] + counts[3]).sum() / counts.sum()


def precision(decisions: Decisions) -> Tensor:
    """Return the precision [K]: true positives / predicted positives; 0 if none are predicted."""
    return _ratio(decisions.true_positives, decisions.true_positives + decisions.false_positives)


def recall(decisions: Decisions) -> Tensor:
    """Return the recall [K]: true positives / positives; 0 if there are none."""
    return _ratio(decisions.true_positives, decisions.true_positives + decisions.false_negatives)


def f1(decisions: Decisions) -> Tensor:
    """Return the harmonic mean [K] of precision and recall (the Dice overlap)."""
    return _ratio(
        2 * decisions.true_positives,
        2 * decisions.true_positives + decisions.false_positives + decisions.false_negatives,
    )


def iou(decisions: Decisions) -> Tensor:
    """Return intersection over union [K]."""
    return _ratio(
        decisions.true_positives,
        decisions.true_positives + decisions.false_positives + decisions.false_negatives,
    )


def specificity(decisions: Decisions) -> Tensor:
    """Return the specificity [K]: true negatives / negatives; NaN if there are none."""
    return decisions.true_negatives / (decisions.true_negatives + decisions.false_positives)


def negative_predictive_value(decisions: Decisions) -> Tensor:
    """Return the negative predictive value [K]: true negatives / predicted negatives; NaN if there are none."""
    return decisions.true_negatives / (decisions.true_negatives + decisions.false_negatives)


def share_missed(decisions: Decisions) -> Tensor:
    """Return the fraction [K] of positives that are not predicted; NaN if there are none."""
    return decisions.false_negatives / (decisions.true_positives + decisions.false_negatives)


def share_wrong(decisions: Decisions) -> Tensor:
    """Return the share [K] of wrong decisions; NaN if there was none."""
    errors = decisions.false_positives + decisions.false_negatives
    return errors / (errors + decisions.true_positives + decisions.true_negatives)


Score = Callable[[Decisions], Tensor]


def average_over_classes(
    score: Score, average: Average, *, labels: bool = False, unseen: bool = False
) -> Callable[[Tensor], Tensor]:
    """Return the formula that averages a score [K] over classes or labels.

    `macro`: the mean over classes that are true or predicted somewhere (scikit-learn's rule), with `unseen`
    over the others too; `micro`: over all decisions together; `weighted`: by how often each class is true.
    Classes whose score is NaN are left out. NaN if that leaves none.
    """
    return partial(_average, score, average, labelwise if labels else decisions, unseen)


def _average(
    score: Score, average: Average, split: Callable[[Tensor], Decisions], unseen: bool, counts: Tensor
) -> Tensor:
    decisions = split(counts)
    occurs = decisions.true_positives + decisions.false_positives + decisions.false_negatives > 0
    if not counts.sum() or not (unseen or occurs.any()):
        return torch.tensor(torch.nan, dtype=torch.float64)
    if average == "micro":
        return score(decisions.pool_classes())
    values = score(decisions)
    weights = (
        decisions.true_positives + decisions.false_negatives
        if average == "weighted"
        else (occurs | unseen).double()
    )
    is_defined = ~values.isnan()
    return (values * weights)[is_defined].sum() / weights[is_defined].sum()


def balanced_accuracy(counts: Tensor) -> Tensor:
    """Return the mean recall over the classes that have samples, of a `Confusion` [..., K, K]."""
    support = counts.sum(-1)
    has_samples = support > 0
    return (_num_correct(counts)[has_samples] / support[has_samples]).mean()


def mean_steps(counts: Tensor) -> Tensor:
    """Return the mean distance between predicted and true class in class steps, of a `Confusion` [..., K, K]."""
    return (counts * _steps(counts)).sum() / counts.sum()


def mean_squared_steps(counts: Tensor) -> Tensor:
    """Return the mean squared distance between both classes in class steps, of a `Confusion` [..., K, K]."""
    return (counts * _steps(counts) ** 2).sum() / counts.sum()


def root_mean_steps(counts: Tensor) -> Tensor:
    """Return the root of the mean squared distance in class steps, of a `Confusion` [..., K, K]."""
    return mean_squared_steps(counts).sqrt()


def _mean_of_targets(metric: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Let a metric of counts [K, K] be the mean of those that are defined for counts [D, K, K]."""

    @wraps(metric)
    def of_counts(counts: Tensor) -> Tensor:
        values = torch.stack([metric(item) for item in (counts if counts.dim() == 3 else [counts])])
        return values[values.isfinite()].mean()

    return of_counts


@_mean_of_targets
def quadratic_kappa(counts: Tensor) -> Tensor:
    """Return Cohen's kappa of a `Confusion` [K, K] with quadratic weights: 1 is perfect, 0 is chance (Cohen 1968).

    NaN if neither truth nor prediction varies.
    """
    return _kappa(counts, _steps(counts) ** 2)


@_mean_of_targets
def kappa(counts: Tensor) -> Tensor:
    """Return Cohen's kappa of counts [K, K]: 1 is perfect, 0 is chance (Cohen 1960); NaN if nothing varies."""
    return _kappa(counts, (_steps(counts) > 0).double())


def _kappa(counts: Tensor, cost: Tensor) -> Tensor:
    chance = counts.sum(1, keepdim=True) * counts.sum(0, keepdim=True) / counts.sum()
    return 1 - (counts * cost).sum() / (chance * cost).sum()


@_mean_of_targets
def matthews(counts: Tensor) -> Tensor:
    """Return Matthews' correlation of a `Confusion` [K, K] (Gorodkin 2004); NaN if one side is constant."""
    true, predicted = counts.sum(1), counts.sum(0)
    number = counts.sum()
    covariance = counts.trace() * number - (true * predicted).sum()
    # Each is n^2 - sum of squares, written so that nothing cancels.
    spreads = [(part * (number - part)).sum() for part in (true, predicted)]
    return covariance / (spreads[0].sqrt() * spreads[1].sqrt())


def label_matthews(counts: Tensor) -> Tensor:
    """Return Matthews' correlation of all decisions on labels [4, L]; NaN if one side is constant."""
    true_positives, false_positives, false_negatives, true_negatives = counts.sum(1)
    return matthews(
        torch.stack(
            [torch.stack([true_negatives, false_positives]), torch.stack([false_negatives, true_positives])]
        )
    )


def _num_correct(counts: Tensor) -> Tensor:
    return counts.diagonal(dim1=-2, dim2=-1)


def _steps(counts: Tensor) -> Tensor:
    place = torch.arange(counts.shape[-1], dtype=counts.dtype)
    return (place.unsqueeze(1) - place).abs()


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    return numerator / denominator.clamp_min(1)


class TopShare(Accumulator):
    """Sums (samples whose class is among the `top` likeliest, samples). Takes [N, K, ...] and [N, ...].

    Of classes that are as likely as each other the first count as likelier.
    """

    def __init__(self, top: int) -> None:
        super().__init__()
        self.key = ("top", top)
        self._top = top

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the sums [2] of a batch."""
        valid = target >= 0
        true_class = target.clamp_min(0).unsqueeze(1)
        score = prediction.gather(1, true_class)
        place = torch.arange(prediction.shape[1], device=prediction.device)
        is_earlier_class = place.view(-1, *[1] * (prediction.dim() - 2)) < true_class
        ranks_higher = (prediction > score) | ((prediction == score) & is_earlier_class)
        return torch.stack([((ranks_higher.sum(1) < self._top) & valid).sum(), valid.sum()])


class Margins(Accumulator):
    """Sums [2] of the hinge cost of samples, and samples. Takes logits [N, K] and indices [N].

    The margin is the logit of the true class above the highest other (Crammer and Singer 2001), or, with
    `one_vs_all`, each class's above or below zero, averaged over classes; what it lacks of 1 is the cost.
    """

    def __init__(self, *, squared: bool = False, one_vs_all: bool = False) -> None:
        super().__init__()
        self.key = ("margins", squared, one_vs_all)
        self._squared, self._one_vs_all = squared, one_vs_all

    def sums(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the sums [2] of a batch."""
        logits, valid = to_double(prediction), (target >= 0).to(torch.float64)
        true_class = torch.zeros_like(logits, dtype=torch.bool).scatter_(1, target.clamp_min(0)[:, None], 1)
        if self._one_vs_all:
            margin = torch.where(true_class, logits, -logits)
        else:
            margin = logits[true_class][:, None] - logits.masked_fill(true_class, -torch.inf).amax(
                1, keepdim=True
            )
        cost = (1 - margin).clamp_min(0)
        losses = (cost.square() if self._squared else cost).mean(1)
        return torch.stack([(losses * valid).sum(), valid.sum()])


def share(sums: Tensor) -> Tensor:
    """Return the first of sums [2] over the second."""
    return sums[0] / sums[1]
