"""Metrics of classes: logits [N, K] and indices [N], -1 where missing."""

from itertools import pairwise

import numpy as np
import torch
from scipy.special import logsumexp
from sklearn import metrics

K = 4


def cases():
    """Return name -> (logits, indices)."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(40, K, generator=generator)
    truth = torch.randint(0, K, (40,), generator=generator)
    right = torch.nn.functional.one_hot(truth, K) * 3.0 + logits
    missing = truth.masked_fill(torch.rand(40, generator=generator) < 0.3, -1)
    constant = torch.tensor([0.5, 0.1, 0.1, 0.1]).repeat(40, 1)
    never = logits.clone()
    never[:, 3] = -1e3
    return {
        "plain": (right, truth),
        "offset": (right * 64 + 1e6, truth),
        "saturated": (right * 40, truth),
        "huge": (right * 1e6, truth),
        "missing": (right, missing),
        "all missing": (right, torch.full_like(truth, -1)),
        "absent class": (never, truth.masked_fill(truth == 3, 0)),
        "absent in truth": (logits, truth.masked_fill(truth == 3, 0)),
        "never predicted": (never, truth),
        "one class": (logits, torch.full_like(truth, 2)),
        "one class, right": (constant, torch.zeros_like(truth)),
        "one sample": (right[:1], truth[:1]),
        "ties": (right.round(), truth),
        "constant": (constant, truth),
        "all the same": (torch.zeros(40, K), truth),
        "empty": (right[:0], truth[:0]),
    }


def known(prediction, truth):
    """Return the labelled samples, what is predicted for them, and the log odds of each class."""
    kept = truth >= 0
    scores, truth = prediction[kept], truth[kept].astype(int)
    return scores, truth, scores.argmax(1) if len(truth) else truth


def odds(scores):
    """Return the log odds of each class against the rest, in extended precision."""
    scores = scores.astype(np.longdouble)
    columns = [scores[:, k] - logsumexp(np.delete(scores, k, 1), axis=1) for k in range(scores.shape[1])]
    return np.stack(columns, 1)


def pairs(score, positive):
    """Return the share of pairs of a positive above a negative, ties half; NaN without both."""
    gaps = score[positive][:, None] - score[~positive][None, :]
    return np.nan if not gaps.size else float(((gaps > 0) + 0.5 * (gaps == 0)).mean())


def precision_over_recall(score, positive):
    """Return scikit-learn's average precision of what ranks as `score` does; NaN without positives."""
    if not positive.any():
        return np.nan
    return metrics.average_precision_score(positive, np.unique(score, return_inverse=True)[1])


def mean_of_defined(values):
    """Return the mean of what is not NaN; NaN where nothing is left."""
    values = np.asarray(values, float)
    values = values[~np.isnan(values)]
    return values.mean() if len(values) else np.nan


def of_classes(function):
    """Return a reference that is NaN without samples."""

    def reference(block, prediction, truth):
        scores, truth, said = known(prediction, truth)
        return np.nan if not len(truth) else function(block, scores, truth, said)

    return reference


def accuracy(block, scores, truth, said):
    """The share of samples whose class is among the likeliest."""
    if block.top == 1:
        return (said == truth).mean()
    best = np.argsort(-scores, 1, kind="stable")[:, : block.top]
    return (best == truth[:, None]).any(1).mean()


def from_scikit_learn(function):
    """A score of scikit-learn with an average."""

    def reference(block, scores, truth, said):
        return function(truth, said, average=getattr(block, "average", "macro"), zero_division=0)

    return reference


def balanced_accuracy(block, scores, truth, said):
    """The mean recall of the classes that are there."""
    return np.mean([(said[truth == k] == k).mean() for k in np.unique(truth)])


def auroc(block, scores, truth, said):
    """Pairs, class by class."""
    own = odds(scores)
    return mean_of_defined([pairs(own[:, k], truth == k) for k in range(own.shape[1])])


def average_precision(block, scores, truth, said):
    """Class by class."""
    own = odds(scores)
    return mean_of_defined([precision_over_recall(own[:, k], truth == k) for k in range(own.shape[1])])


def calibration_error(block, scores, truth, said):
    """Bins of equal width, upper edge included."""
    scores = scores.astype(np.longdouble)
    confidence = np.exp(scores - logsumexp(scores, axis=1, keepdims=True)).max(1)
    edges, total = np.linspace(0, 1, block.bins + 1), 0.0
    for low, high in pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        total += abs((confidence[inside] - (said == truth)[inside]).sum())
    return float(total / len(truth))


def kappa(weights):
    """Cohen's kappa over all classes."""

    def reference(block, scores, truth, said):
        if len(set(truth) | set(said)) == 1:
            return np.nan
        return metrics.cohen_kappa_score(truth, said, labels=range(K), weights=weights)

    return reference


def matthews(block, scores, truth, said):
    """The correlation of one-hot tables."""
    one, other = np.eye(K)[truth], np.eye(K)[said]
    one, other = one - one.mean(0), other - other.mean(0)
    spread = np.sqrt((one**2).sum() * (other**2).sum())
    return (one * other).sum() / spread if spread > 1e-9 else np.nan


def hamming(block, scores, truth, said):
    """The share of wrong samples, of each class or of all."""
    if block.average != "macro":
        return (said != truth).mean()
    return np.mean([(said[truth == k] != k).mean() for k in np.unique(truth)])


def hinge(block, scores, truth, said):
    """What margins lack of 1, sample by sample."""
    costs = []
    for row, k in zip(scores, truth, strict=True):
        if block.multiclass_mode == "one-vs-all":
            margins = np.where(np.arange(K) == k, row, -row)
        else:
            margins = np.array([row[k] - np.delete(row, k).max()])
        lacking = np.maximum(0, 1 - margins)
        costs.append((lacking**2 if block.squared else lacking).mean())
    return np.mean(costs)


def of_negatives(other):
    """Right rejections among `other` and themselves; what is not defined is left out."""

    def reference(block, scores, truth, said):
        tables = metrics.multilabel_confusion_matrix(truth, said, labels=range(K))
        return averaged_negatives(block.average, tables, other)

    return reference


def averaged_negatives(average, tables, other, unseen=False):
    """Average right rejections over tables [[tn, fp], [fn, tp]] of classes."""
    tn, fp, fn, tp = (tables.reshape(-1, 4)[:, i].astype(float) for i in range(4))
    wrong = {"fp": fp, "fn": fn}[other]
    if average == "micro":
        whole = tn.sum() + wrong.sum()
        return tn.sum() / whole if whole else np.nan
    weight = tp + fn if average == "weighted" else ((tp + fp + fn > 0) | unseen).astype(float)
    kept = tn + wrong > 0
    if not weight[kept].sum():
        return np.nan
    return np.average(tn[kept] / (tn + wrong)[kept], weights=weight[kept])


REFERENCES = {
    name: of_classes(function)
    for name, function in {
        "accuracy": accuracy,
        "auroc": auroc,
        "average_precision": average_precision,
        "balanced_accuracy": balanced_accuracy,
        "calibration_error": calibration_error,
        "cohen_kappa": kappa(None),
        "dice": from_scikit_learn(metrics.f1_score),
        "f1": from_scikit_learn(metrics.f1_score),
        "hamming_distance": hamming,
        "hinge_loss": hinge,
        "iou": from_scikit_learn(metrics.jaccard_score),
        "matthews_corrcoef": matthews,
        "negative_predictive_value": of_negatives("fn"),
        "precision": from_scikit_learn(metrics.precision_score),
        "qwk": kappa("quadratic"),
        "recall": from_scikit_learn(metrics.recall_score),
        "specificity": of_negatives("fp"),
    }.items()
}
