"""Metrics of reconstructions: values and targets [N, T, C], NaN where nothing was hidden."""

import torch

from tests.components.metric_references import values


def cases():
    """Return name -> (values, targets)."""
    generator = torch.Generator().manual_seed(5)
    truth = torch.randn(6, 8, 3, generator=generator)
    said = truth + torch.randn(6, 8, 3, generator=generator) * 0.5
    hidden = truth.masked_fill(torch.rand(6, 8, 3, generator=generator) < 0.5, torch.nan)
    constant = hidden.clone()
    constant[..., 0] = 2.0
    return {
        "plain": (said, hidden),
        "offset": (said + 1e4, hidden + 1e4),
        "one constant": (said, constant),
        "nothing hidden": (said, torch.full_like(truth, torch.nan)),
        "one sample": (said[:1], hidden[:1]),
        "empty": (said[:0], hidden[:0]),
    }


REFERENCES = {name: values.REFERENCES[name] for name in ("nrmse", "r2")}
