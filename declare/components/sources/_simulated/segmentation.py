"""Noisy images of discs, squares and bars with the class of every pixel."""

from typing import Any


def make(*, seed: int, samples: int = 200, size: int = 32, classes: int = 3) -> dict[str, Any]:
    """Return columns, fields and truth.

    Columns: `image` (uint8 [samples, size, size, 3]) and `mask` (uint8 [samples, size, size], 0 is
    background).

    Truth: class k has its own colour; the noise is much smaller than the differences between colours.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 0x5E6])
    down, across = np.mgrid[:size, :size]
    hues = np.arange(classes)[:, None] * 2.4 + np.array([0.0, 2.1, 4.2])
    colours = 128 + 90 * np.cos(hues)
    colours[0] = 40
    masks = np.zeros((samples, size, size), dtype=np.uint8)
    for index in range(samples):
        for number in rng.permutation(np.arange(1, classes)):
            centre = rng.uniform(0.2, 0.8, 2) * size
            radius = rng.uniform(0.12, 0.25) * size
            below, beside = np.abs(down - centre[0]), np.abs(across - centre[1])
            shapes = (
                np.hypot(below, beside) < radius,
                np.maximum(below, beside) < radius,
                below < radius / 2,
            )
            masks[index][shapes[int(number - 1) % 3]] = number
    noise = rng.standard_normal((samples, size, size, 3)) * 14
    images = np.clip(colours[masks] + noise, 0, 255).astype(np.uint8)
    return {
        "columns": {"image": images, "mask": masks},
        "fields": {"image": {"type": "image"}, "mask": {"type": "mask"}},
        "truth": {"colours": colours},
    }
