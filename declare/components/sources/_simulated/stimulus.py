"""Feature series of responses to stimuli: one pattern over channels for each class; class sizes are unequal."""

from typing import Any


def make(
    *,
    seed: int,
    samples: int = 800,
    subjects: int = 40,
    classes: int = 4,
    channels: int = 6,
    length: int = 55,
) -> dict[str, Any]:
    """Return series `features` [samples, channels, length], `stimulus` (strings) and `subject`.

    Truth: class k adds the pattern `patterns[k]` to the channels' means; the class frequencies decrease from
    first to last.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 0x571])
    share = np.linspace(1.6, 0.6, classes)
    stimulus = rng.choice(classes, samples, p=share / share.sum())
    # Every class occurs in small data sets too, if there are samples enough.
    stimulus[: min(classes, samples)] = np.arange(min(classes, samples))
    subject = np.arange(samples) % subjects
    patterns = rng.standard_normal((classes, channels))
    patterns *= 1.8 / np.sqrt((patterns**2).mean(axis=1, keepdims=True))
    offset = 0.3 * rng.standard_normal((subjects, channels))
    mean = patterns[stimulus] + offset[subject] + 0.8 * rng.standard_normal((samples, channels))
    rhythm = np.sin(np.arange(length) / 3.0)
    noise = rng.standard_normal((samples, channels, length), dtype=np.float32)
    features = (mean[:, :, None] + 0.3 * rhythm).astype(np.float32) + noise
    order = rng.permutation(samples)
    names = np.array([f"stimulus_{number}" for number in range(classes)])
    people = np.array([f"p{number:03d}" for number in range(subjects)])
    return {
        "columns": {
            "features": features[order],
            "stimulus": names[stimulus][order],
            "subject": people[subject][order],
        },
        "fields": {
            "features": {"type": "series", "channels": channels},
            "stimulus": {"type": "category"},
            "subject": {"type": "id"},
        },
        "truth": {"patterns": patterns},
    }
