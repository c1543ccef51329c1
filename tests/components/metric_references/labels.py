"""Metrics of labels: logits [N, L] and labels [N, L], NaN where missing."""

import numpy as np
import torch
from sklearn import metrics

from tests.components.metric_references import classes


def cases():
    """Return name -> (logits, labels)."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(30, 4, generator=generator) * 2
    truth = (torch.rand(30, 4, generator=generator) < 0.4).float()
    missing = truth.masked_fill(torch.rand(30, 4, generator=generator) < 0.2, torch.nan)
    missing[3] = torch.nan
    never = truth.clone()
    never[:, 1] = 0
    low = logits.clone()
    low[:, 1] = -50
    column = missing.clone()
    column[:, 2] = torch.nan
    return {
        "plain": (logits, truth),
        "saturated": (logits * 60, truth),
        "missing": (logits, missing),
        "unknown label": (logits, column),
        "all missing": (logits, torch.full_like(truth, torch.nan)),
        "label never true": (logits, never),
        "label absent": (low, never),
        "none true": (logits, torch.zeros_like(truth)),
        "none true nor predicted": (-logits.abs() - 1, torch.zeros_like(truth)),
        "all true": (logits, torch.ones_like(truth)),
        "all true and predicted": (logits.abs() + 1, torch.ones_like(truth)),
        "ties": (logits.round(), truth),
        "constant": (torch.full_like(logits, 0.25), truth),
        "one sample": (logits[:1], truth[:1]),
        "empty": (logits[:0], truth[:0]),
    }


def _columns(prediction, truth):
    for scores, own in zip(prediction.T, truth.T, strict=True):
        kept = ~np.isnan(own)
        yield scores[kept], own[kept] > 0.5


def _tables(block, prediction, truth):
    edge = np.log(getattr(block, "threshold", 0.5)) - np.log1p(-getattr(block, "threshold", 0.5))
    found = []
    for scores, own in _columns(prediction, truth):
        said = scores > edge
        found.append([(~said & ~own).sum(), (said & ~own).sum(), (~said & own).sum(), (said & own).sum()])
    return np.array(found, float).reshape(-1, 2, 2)


def _averaged(part, whole):
    """A share of decisions, averaged over the labels that are true or predicted somewhere."""

    def reference(block, prediction, truth):
        tables = _tables(block, prediction, truth)
        average = getattr(block, "average", "macro")
        present = tables.reshape(-1, 4)[:, 1:].sum(1) > 0
        if not present.any():
            return np.nan
        if average == "micro":
            tables = tables.sum(0, keepdims=True)
        if average == "macro":
            tables = tables[present]
        values = [part(*row) / whole(*row) if whole(*row) else 0.0 for row in tables.reshape(-1, 4)]
        if average != "weighted":
            return np.mean(values)
        support = tables[:, 1].sum(1)
        return np.average(values, weights=support) if support.sum() else np.nan

    return reference


def _accuracy(block, prediction, truth):
    tables = _tables(block, prediction, truth).sum(0)
    return np.trace(tables) / tables.sum() if tables.sum() else np.nan


def _exact_match(block, prediction, truth):
    kept = ~np.isnan(truth).any(1)
    return ((prediction[kept] > 0) == (truth[kept] > 0.5)).all(1).mean() if kept.any() else np.nan


def _hamming(block, prediction, truth):
    tables = _tables(block, prediction, truth)
    if block.average == "micro":
        tables = tables.sum(0, keepdims=True)
    tables = tables[tables.sum((1, 2)) > 0]
    if not len(tables):
        return np.nan
    shares = (tables[:, 0, 1] + tables[:, 1, 0]) / tables.sum((1, 2))
    support = tables[:, 1].sum(1)
    if block.average != "weighted":
        return shares.mean()
    return np.average(shares, weights=support) if support.sum() else np.nan


def _matthews(block, prediction, truth):
    known = ~np.isnan(truth)
    said, own = prediction[known] > 0, truth[known] > 0.5
    if len(set(said)) < 2 or len(set(own)) < 2:
        return np.nan
    return np.corrcoef(said, own)[0, 1]


def _of_negatives(other):
    def reference(block, prediction, truth):
        tables = _tables(block, prediction, truth)
        return classes.averaged_negatives(block.average, tables, other, unseen=True)

    return reference


def _rows(function, *, needs_false):
    """scikit-learn's figure of each sample's known labels, averaged over samples that have some."""

    def reference(block, prediction, truth):
        values, defined = [], False
        for scores, own in zip(prediction, truth, strict=True):
            kept = ~np.isnan(own)
            if not kept.any():
                continue
            labels = own[kept] > 0.5
            defined |= labels.any() and (not needs_false or not labels.all())
            if kept.sum() == 1:
                # scikit-learn takes one label for no labels at all.
                values.append({"coverage_error": float(labels[0])}.get(function.__name__, 1.0))
                values[-1] = 0.0 if function.__name__ == "label_ranking_loss" else values[-1]
            else:
                values.append(function(labels[None], np.unique(scores[kept], return_inverse=True)[1][None]))
        return np.mean(values) if defined else np.nan

    return reference


def _each_column(function):
    def reference(block, prediction, truth):
        return classes.mean_of_defined([function(*column) for column in _columns(prediction, truth)])

    return reference


_F1 = _averaged(lambda tn, fp, fn, tp: 2 * tp, lambda tn, fp, fn, tp: 2 * tp + fp + fn)
REFERENCES = {
    "accuracy": _accuracy,
    "auroc": _each_column(classes.pairs),
    "average_precision": _each_column(classes.precision_over_recall),
    "coverage_error": _rows(metrics.coverage_error, needs_false=False),
    "dice": _F1,
    "exact_match": _exact_match,
    "f1": _F1,
    "hamming_distance": _hamming,
    "iou": _averaged(lambda tn, fp, fn, tp: tp, lambda tn, fp, fn, tp: tp + fp + fn),
    "matthews_corrcoef": _matthews,
    "negative_predictive_value": _of_negatives("fn"),
    "precision": _averaged(lambda tn, fp, fn, tp: tp, lambda tn, fp, fn, tp: tp + fp),
    "ranking_average_precision": _rows(metrics.label_ranking_average_precision_score, needs_false=True),
    "ranking_loss": _rows(metrics.label_ranking_loss, needs_false=True),
    "recall": _averaged(lambda tn, fp, fn, tp: tp, lambda tn, fp, fn, tp: tp + fn),
    "specificity": _of_negatives("fp"),
}
