"""Spike counts of neurons that watch noise videos: Gaussian fields, gain by behaviour, Poisson noise."""

from __future__ import annotations

from typing import Any


def make(
    *,
    seed: int,
    samples: int = 3000,
    neurons: int = 17,
    frames: int = 6,
    size: int = 16,
    behaviour: int = 3,
) -> dict[str, Any]:
    """Return columns, fields and truth.

    Columns: `stimulus` [samples, 1, frames, size, size], `behaviour`, `spikes` and `usable` [samples,
    neurons], `contrast`.

    Truth: rate = gain(behaviour) * softplus(bias + response), where the response is the contrast-scaled
    stimulus seen through a Gaussian receptive field and a temporal kernel; counts are Poisson.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 0x5B1])
    contrast = rng.uniform(0.1, 1.0, samples)
    video = rng.standard_normal((samples, 1, frames, size, size), dtype=np.float32)
    video *= contrast[:, None, None, None, None].astype(np.float32)
    states = rng.standard_normal((samples, behaviour)).astype(np.float32)
    centres = rng.uniform(0.25, 0.75, (neurons, 2)) * size
    widths = rng.uniform(0.08, 0.16, neurons) * size
    grid = np.arange(size)
    rows = np.exp(-((grid - centres[:, :1]) ** 2) / (2 * widths[:, None] ** 2))
    columns = np.exp(-((grid - centres[:, 1:]) ** 2) / (2 * widths[:, None] ** 2))
    space = rows[:, :, None] * columns[:, None, :]
    space /= np.linalg.norm(space.reshape(neurons, -1), axis=1)[:, None, None]
    # The temporal kernel weighs the last frames most.
    kernel = np.exp(-np.arange(frames)[::-1] / max(frames / 3, 1))
    kernel /= np.linalg.norm(kernel)
    response = np.einsum("bthw,t,nhw->bn", video[:, 0], kernel, space, optimize=True)
    weights = 0.35 * rng.standard_normal((behaviour, neurons)) / np.sqrt(behaviour)
    rate = np.exp(states @ weights) * np.logaddexp(0, 0.3 + 3.0 * response)
    usable = rng.random((samples, neurons)) > 0.05
    return {
        "columns": {
            "stimulus": video,
            "behaviour": states,
            "spikes": rng.poisson(rate).astype(np.float32),
            "usable": usable,
            "contrast": contrast,
        },
        "fields": {
            "stimulus": {"type": "video"},
            "behaviour": {"type": "vector"},
            "spikes": {"type": "counts"},
            "usable": {"type": "valid"},
            "contrast": {"type": "number"},
        },
        "truth": {"rate": rate},
    }
