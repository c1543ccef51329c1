"""Feature series whose mean increases with an ordinal pain rating; subjects differ in offset and gain."""

from typing import Any


def make(
    *,
    seed: int,
    samples: int = 600,
    subjects: int = 30,
    classes: int = 5,
    channels: int = 6,
    length: int = 40,
    missing: float = 0.0,
) -> dict[str, Any]:
    """Return columns, fields and truth.

    Columns: series `features` [samples, channels, length], `pain_level` 0..classes-1 (-1 missing),
    `subject`.

    Truth: level k shifts every channel's mean by k times the channel's loading; noise between samples makes
    neighbouring levels overlap.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 0x9A13])
    level = rng.integers(0, classes, samples)
    subject = np.arange(samples) % subjects
    loading = rng.choice([-1.0, 1.0], channels) * rng.uniform(0.6, 1.4, channels)
    gain = 1 + 0.08 * rng.standard_normal(subjects)
    offset = 0.25 * rng.standard_normal((subjects, channels))
    spread = max(classes - 1, 1) / 4
    rating = gain[subject] * (level - (classes - 1) / 2) / spread
    mean = rating[:, None] * loading + offset[subject] + 0.45 * rng.standard_normal((samples, channels))
    # The reaction rises over the first third of the window, and its mean over the window is one.
    course = 1 - np.exp(-np.arange(1, length + 1) / max(length / 6, 1))
    course /= course.mean()
    noise = rng.standard_normal((samples, channels, length), dtype=np.float32)
    features = (mean[:, :, None] * course).astype(np.float32) + noise
    shown = level.copy()
    shown[rng.random(samples) < missing] = -1
    order = rng.permutation(samples)
    names = np.array([f"s{number:03d}" for number in range(subjects)])
    return {
        "columns": {
            "features": features[order],
            "pain_level": shown[order],
            "subject": names[subject][order],
        },
        "fields": {
            "features": {"type": "series", "channels": channels},
            "pain_level": {"type": "category", "missing": [-1]},
            "subject": {"type": "id"},
        },
        "truth": {"pain_level": level[order], "loading": loading},
    }
