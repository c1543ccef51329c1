"""Metrics of ordered classes: log-probabilities [N, K] and indices [N]; the median class is predicted."""

import numpy as np
import torch

from declare.nn.tasks.ordinal import Ordinal
from tests.components.metric_references import classes


def cases():
    """Return name -> (log-probabilities, indices)."""
    generator = torch.Generator().manual_seed(2)
    steps = torch.randn(40, classes.K - 1, generator=generator) * 2
    truth = torch.randint(0, classes.K, (40,), generator=generator)
    logits = Ordinal(target="x").logits
    return {
        "plain": (logits(steps), truth),
        "saturated": (logits(steps * 60), truth),
        "missing": (logits(steps), truth.masked_fill(truth == 1, -1)),
        "all missing": (logits(steps), torch.full_like(truth, -1)),
        "absent class": (logits(steps), truth.masked_fill(truth == 3, 2)),
        "one class": (logits(steps), torch.ones_like(truth)),
        "halves": (logits(torch.zeros(40, classes.K - 1)), truth),
        "ties": (logits(steps[:10].repeat(4, 1)), truth),
        "one sample": (logits(steps[:1]), truth[:1]),
        "empty": (logits(steps[:0]), truth[:0]),
    }


def _median(scores):
    above = [np.exp(scores[:, k:]).sum(1) for k in range(1, scores.shape[1])]
    return (np.stack(above, 1) > 0.5 + 1e-12).sum(1)


def _with_median(function):
    def reference(block, prediction, truth):
        scores, truth, _ = classes.known(prediction, truth)
        return np.nan if not len(truth) else function(block, scores, truth, _median(scores))

    return reference


def _steps(power, root=False):
    def reference(block, scores, truth, said):
        mean = (np.abs(said - truth).astype(float) ** power).mean()
        return np.sqrt(mean) if root else mean

    return reference


REFERENCES = {
    name: _with_median(function)
    for name, function in {
        "accuracy": classes.accuracy,
        "auroc": classes.auroc,
        "average_precision": classes.average_precision,
        "balanced_accuracy": classes.balanced_accuracy,
        "dice": classes.from_scikit_learn(classes.metrics.f1_score),
        "f1": classes.from_scikit_learn(classes.metrics.f1_score),
        "iou": classes.from_scikit_learn(classes.metrics.jaccard_score),
        "mae": _steps(1),
        "mse": _steps(2),
        "precision": classes.from_scikit_learn(classes.metrics.precision_score),
        "qwk": classes.kappa("quadratic"),
        "recall": classes.from_scikit_learn(classes.metrics.recall_score),
        "rmse": _steps(2, root=True),
    }.items()
}
