"""Metrics of tokens: logits [N, T, V] and ids [N, T], -1 where nothing counts."""

import numpy as np
import torch
from scipy.special import logsumexp


def cases():
    """Return name -> (logits, ids)."""
    generator = torch.Generator().manual_seed(6)
    logits = torch.randn(8, 6, 5, generator=generator)
    ids = torch.randint(0, 5, (8, 6), generator=generator)
    ends = torch.arange(6) < torch.randint(1, 7, (8, 1), generator=generator)
    padded = ids.masked_fill(~ends, -1)
    padded[2] = -1
    right = torch.nn.functional.one_hot(ids, 5) * 4.0 + logits
    return {
        "plain": (logits, padded),
        "mostly right": (right, padded),
        "offset": (logits * 64 + 1e6, padded),
        "sure": (right * 8, padded),
        "ties": (logits.round(), padded),
        "constant": (torch.zeros_like(logits), padded),
        "nothing counts": (logits, torch.full_like(ids, -1)),
        "one text": (right[:1], padded[:1]),
        "empty": (logits[:0], padded[:0]),
    }


def _perplexity(block, prediction, ids):
    kept = ids >= 0
    if not kept.any():
        return np.nan
    logits = prediction[kept].astype(np.longdouble)
    chosen = logits[np.arange(len(logits)), ids[kept].astype(int)]
    return float(np.exp((logsumexp(logits, axis=1) - chosen).mean()))


def _accuracy(block, prediction, ids):
    kept = ids >= 0
    return (prediction.argmax(2) == ids)[kept].mean() if kept.any() else np.nan


def _exact_match(block, prediction, ids):
    rows = [
        (logits[own >= 0].argmax(1) == own[own >= 0]).all()
        for logits, own in zip(prediction, ids, strict=True)
        if (own >= 0).any()
    ]
    return np.mean(rows) if rows else np.nan


REFERENCES = {"exact_match": _exact_match, "perplexity": _perplexity, "token_accuracy": _accuracy}
