"""Metrics of embeddings: rows [N, E] with group and origin [N, 2]."""

import numpy as np
import torch


def cases():
    """Return name -> (embeddings, groups and origins)."""
    generator = torch.Generator().manual_seed(8)
    group = torch.arange(8).repeat_interleave(3)
    places = torch.stack([group, torch.arange(3).repeat(8)], 1)
    centres = torch.randn(8, 5, generator=generator)
    rows = centres[group] + torch.randn(24, 5, generator=generator) * 0.7
    constant = rows.clone()
    constant[:, 0] = 3.0
    large = places.clone()
    large[:, 0] += 2**60
    return {
        "plain": (rows, places),
        "offset": (rows.double() + 1e6, places),
        "tiny": (rows.double() * 1e-30, places),
        "long": (rows.double() * 1e30, places),
        "one feature constant": (constant, places),
        "collapsed": (torch.ones(24, 5), places),
        "numbers beyond doubles": (rows, large),
        "no pair": (rows[::3], places[::3]),
        "one group": (rows, torch.stack([torch.zeros(24).long(), torch.arange(24)], 1)),
        "one sample": (rows[:1], places[:1]),
        "empty": (rows[:0], places[:0]),
    }


def _pairs(rows, places):
    units = rows / np.abs(rows).max(1, keepdims=True)
    units = units / np.linalg.norm(units, axis=1, keepdims=True)
    for i in range(len(rows)):
        for j in range(len(rows)):
            if i != j:
                other = places[i, 1] != places[j, 1]
                yield i, j, other and places[i, 0] == places[j, 0], other, units[i], units[j]


def _alignment(block, rows, places):
    found = [((a - b) ** 2).sum() for _, _, positive, _, a, b in _pairs(rows, places) if positive]
    return np.mean(found) if found else np.nan


def _uniformity(block, rows, places):
    found = [np.exp(-2 * ((a - b) ** 2).sum()) for *_, a, b in _pairs(rows, places)]
    return np.log(np.mean(found)) if found else np.nan


def _isc(block, rows, places):
    chosen = [(i, j) for i, j, positive, *_ in _pairs(rows, places) if positive]
    if not chosen:
        return np.nan
    units = rows / np.abs(rows).max(1, keepdims=True)
    units = np.round(units / np.linalg.norm(units, axis=1, keepdims=True), 15)
    left, right = units[[i for i, _ in chosen]], units[[j for _, j in chosen]]
    found = []
    for a, b in zip(left.T, right.T, strict=True):
        if len(np.unique(np.r_[a, b])) > 1:
            mean = np.r_[a, b].astype(np.longdouble).mean()
            found.append(float(((a - mean) * (b - mean)).sum() / ((a - mean) ** 2).sum()))
    return np.mean(found) if found else np.nan


def _retrieval(block, rows, places):
    found = []
    table = list(_pairs(rows, places))
    for row in range(len(rows)):
        others = [
            (round(float(a @ b), 14), positive) for i, _, positive, other, a, b in table if i == row and other
        ]
        if any(positive for _, positive in others):
            best = max(score for score, _ in others)
            found.append(np.mean([positive for score, positive in others if score == best]))
    return np.mean(found) if found else np.nan


REFERENCES = {"alignment": _alignment, "isc": _isc, "retrieval": _retrieval, "uniformity": _uniformity}
