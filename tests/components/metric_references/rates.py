"""Metrics of counts: rates and counts [N, units], NaN where missing; mean rates of the training split are `MEANS`."""

import numpy as np
import torch

from tests.components.metric_references import values

MEANS = (0.5, 2.0, 1e-3)


def cases():
    """Return name -> (rates, counts)."""
    generator = torch.Generator().manual_seed(7)
    rates = torch.rand(40, 3, generator=generator).double() * 3 + 0.01
    counts = torch.poisson(rates.float(), generator=generator)
    gaps = counts.masked_fill(torch.rand(40, 3, generator=generator) < 0.3, torch.nan)
    silent = counts.clone()
    silent[:, 2] = 0
    return {
        "plain": (rates, counts),
        "missing": (rates, gaps),
        "all missing": (rates, torch.full_like(counts, torch.nan)),
        "silent unit": (rates, silent),
        "no event": (rates, torch.zeros_like(counts)),
        "constant rates": (torch.tensor(MEANS).double().repeat(40, 1), counts),
        "large": (rates * 1e9, (counts * 1e9).round()),
        "low": (rates * 1e-7, silent),
        "one sample": (rates[:1], counts[:1]),
        "empty": (rates[:0], counts[:0]),
    }


def _bits_per_spike(block, prediction, counts):
    gains, events = [], []
    for rates, own, mean in zip(prediction.T, counts.T, MEANS, strict=True):
        kept = ~np.isnan(own)
        rate, count = np.maximum(rates[kept], 1e-8).astype(np.longdouble), own[kept]
        model = (count * np.log(rate) - rate).sum()
        null = (count * np.log(mean) - mean).sum()
        gains.append((model - null) / np.log(2))
        events.append(count.sum())
    gains, events = np.array(gains), np.array(events)
    if not events.sum():
        return np.nan
    if block.average == "spikes":
        return gains.sum() / events.sum()
    return (gains[events > 0] / events[events > 0]).mean()


REFERENCES = {"bits_per_spike": _bits_per_spike, "correlation": values.REFERENCES["pearson"]}
