"""Colour images of gratings: the class is the orientation; frequency, phase, colour and noise vary."""

from typing import Any


def make(*, seed: int, samples: int = 900, classes: int = 3, size: int = 96) -> dict[str, Any]:
    """Return `image` (uint8 [samples, size, size, 3]) and `label` (strings).

    Truth: class k is a grating at angle pi * k / classes (within a few degrees); nothing else depends on the
    class.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 0x7E])
    label = rng.permutation(np.arange(samples) % classes)
    angle = np.pi * label / classes + 0.12 / classes * rng.standard_normal(samples)
    cycles = rng.uniform(3, 6, samples) * 2 * np.pi / size
    phase = rng.uniform(0, 2 * np.pi, samples)
    colours = rng.uniform(60, 195, (samples, 1, 1, 3)).astype(np.float32)
    contrast = rng.uniform(25, 55, (samples, 1, 1, 3)).astype(np.float32)
    across, down = np.meshgrid(np.arange(size), np.arange(size), indexing="xy")
    images = np.empty((samples, size, size, 3), dtype=np.uint8)
    block = max(1, 4_000_000 // (size * size * 3))
    for start in range(0, samples, block):
        part = slice(start, min(start + block, samples))
        along = np.cos(angle[part])[:, None, None] * across + np.sin(angle[part])[:, None, None] * down
        wave = np.sin(along * cycles[part][:, None, None] + phase[part][:, None, None]).astype(np.float32)
        noise = rng.standard_normal((*wave.shape, 3), dtype=np.float32) * 22
        images[part] = np.clip(colours[part] + contrast[part] * wave[..., None] + noise, 0, 255)
    names = np.array([f"texture_{number}" for number in range(classes)])
    return {
        "columns": {"image": images, "label": names[label]},
        "fields": {"image": {"type": "image"}, "label": {"type": "category"}},
        "truth": {"angle": angle},
    }
