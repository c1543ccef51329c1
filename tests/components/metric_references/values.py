"""Metrics of values: predictions and targets [N] or [N, W] or [N, T, W], NaN where a target is missing."""

import numpy as np
import torch
from scipy import stats

Wide = np.longdouble


def cases():
    """Return name -> (predictions, targets)."""
    generator = torch.Generator().manual_seed(4)
    truth = torch.randn(50, generator=generator, dtype=torch.float64)
    said = truth + torch.randn(50, generator=generator, dtype=torch.float64) * 0.3
    gaps = truth.masked_fill(torch.rand(50, generator=generator) < 0.3, torch.nan)
    wide = torch.randn(50, 3, generator=generator, dtype=torch.float64)
    near = wide + torch.randn(50, 3, generator=generator, dtype=torch.float64) * 0.3
    shifts = torch.tensor([1e9, 0.0, -1e6], dtype=torch.float64)
    scales = torch.tensor([1.0, 1e-12, 1e12], dtype=torch.float64)
    constant = wide.clone()
    constant[:, 1] = 0.1
    holes = wide.masked_fill(torch.rand(50, 3, generator=generator) < 0.3, torch.nan)
    lost = holes.clone()
    lost[:, 2] = torch.nan
    return {
        "plain": (said, truth),
        "positive": (said.abs() + 0.5, truth.abs() + 0.5),
        "offset 1e4": (said + 1e4, truth + 1e4),
        "offset 1e6": (said + 1e6, truth + 1e6),
        "offset 1e9": (said + 1e9, truth + 1e9),
        "tiny": (said * 1e-30, truth * 1e-30),
        "large": (said * 1e12, truth * 1e12),
        "biased": (said + 1e6, truth),
        "missing": (said, gaps),
        "all missing": (said, torch.full_like(truth, torch.nan)),
        "constant target": (said, torch.full_like(truth, 0.1)),
        "constant prediction": (torch.full_like(truth, 1e9 / 7), truth + 1e9 / 7),
        "constants": (torch.full_like(truth, 0.3), torch.full_like(truth, 0.1)),
        "right constant": (torch.full_like(truth, 0.1), torch.full_like(truth, 0.1)),
        "zeros": (said.round(), truth.round()),
        "both zero": (torch.zeros_like(truth), torch.zeros_like(truth)),
        "ties": (said.round() + 5, truth.round() + 5),
        "one sample": (said[:1], truth[:1]),
        "empty": (said[:0], truth[:0]),
        "several": (near, wide),
        "several, shifted": (near + shifts, wide + shifts),
        "several, scaled": (near * scales, wide * scales),
        "several, one constant": (near, constant),
        "several, missing": (near, holes),
        "several, one unknown": (near, lost),
        "several, one sample": (near[:1], wide[:1]),
        "steps": (near.view(10, 5, 3), holes.view(10, 5, 3)),
        "steps, shifted": (near.view(10, 5, 3) + shifts, holes.view(10, 5, 3) + shifts),
    }


def _columns(prediction, truth):
    width = truth.shape[-1] if truth.ndim > 1 else 1
    for said, own in zip(prediction.reshape(-1, width).T, truth.reshape(-1, width).T, strict=True):
        kept = ~np.isnan(own)
        yield said[kept].astype(Wide), own[kept].astype(Wide)


def _over_all(function):
    def reference(block, prediction, truth):
        kept = ~np.isnan(truth)
        said, own = prediction[kept].astype(Wide), truth[kept].astype(Wide)
        if not kept.any():
            return np.nan
        with np.errstate(all="ignore"):
            value = float(function(said, own))
        return value if np.isfinite(value) else np.nan

    return reference


def _over_outputs(function):
    def reference(block, prediction, truth):
        values = [function(block, *column) for column in _columns(prediction, truth) if len(column[0])]
        values = [float(value) for value in values if not np.isnan(value)]
        return np.mean(values) if values else np.nan

    return reference


def _constant(values):
    return len(np.unique(values)) < 2


def _r2(block, said, own):
    return np.nan if _constant(own) else 1 - ((said - own) ** 2).sum() / ((own - own.mean()) ** 2).sum()


def _explained(block, said, own):
    return np.nan if _constant(own) else 1 - (own - said).var() / own.var()


def _explained_variance(block, prediction, truth):
    if block.multioutput == "uniform_average":
        return _over_outputs(_explained)(block, prediction, truth)
    kept = [column for column in _columns(prediction, truth) if len(column[0]) and not _constant(column[1])]
    if not kept:
        return np.nan
    return float(1 - sum((t - p).var() for p, t in kept) / sum(t.var() for _, t in kept))


def _concordance(block, said, own):
    whole = said.var() + own.var() + (said.mean() - own.mean()) ** 2
    if _constant(said) and _constant(own):
        return np.nan if said[0] == own[0] else 0.0
    return 2 * ((said - said.mean()) * (own - own.mean())).mean() / whole


def _pearson(block, said, own):
    if _constant(said) or _constant(own):
        return np.nan
    said, own = said - said.mean(), own - own.mean()
    return (said * own).sum() / np.sqrt((said**2).sum()) / np.sqrt((own**2).sum())


def _spearman(block, said, own):
    if _constant(said) or _constant(own):
        return np.nan
    return stats.spearmanr(np.unique(said, return_inverse=True)[1], np.unique(own, return_inverse=True)[1])[0]


def _squared(block, said, own):
    value = 1 - _r2(block, said, own)
    return value if getattr(block, "squared", False) else np.sqrt(value)


def _log_cosh(said, own):
    gap = np.abs(said - own)
    return np.where(gap < 1e-4, gap**2 / 2, gap + np.log1p(np.exp(-2 * gap)) - np.log(Wide(2))).mean()


def _symmetric(said, own):
    size = np.abs(said) + np.abs(own)
    return np.where(size == 0, 0, 2 * np.abs(said - own) / np.where(size == 0, 1, size)).mean()


REFERENCES = {
    "concordance_corrcoef": _over_outputs(_concordance),
    "explained_variance": _explained_variance,
    "log_cosh_error": _over_all(_log_cosh),
    "mae": _over_all(lambda p, t: np.abs(p - t).mean()),
    "mean_absolute_percentage_error": _over_all(lambda p, t: (np.abs(p - t) / np.abs(t)).mean()),
    "mean_squared_log_error": _over_all(lambda p, t: ((np.log1p(p) - np.log1p(t)) ** 2).mean()),
    "mse": _over_all(lambda p, t: ((p - t) ** 2).mean()),
    "nrmse": _over_outputs(_squared),
    "pearson": _over_outputs(_pearson),
    "r2": _over_outputs(_r2),
    "relative_squared_error": _over_outputs(_squared),
    "rmse": _over_all(lambda p, t: np.sqrt(((p - t) ** 2).mean())),
    "spearman": _over_outputs(_spearman),
    "symmetric_mean_absolute_percentage_error": _over_all(_symmetric),
    "weighted_mean_absolute_percentage_error": _over_all(lambda p, t: np.abs(p - t).sum() / np.abs(t).sum()),
}
