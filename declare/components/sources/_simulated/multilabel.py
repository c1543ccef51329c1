"""Feature vectors with several binary labels, one direction in feature space for each."""

from typing import Any


def make(
    *, seed: int, samples: int = 1000, features: int = 12, classes: int = 4, missing: float = 0.0
) -> dict[str, Any]:
    """Return `features` [samples, features] and `labels` [samples, classes] (0 or 1, NaN where missing).

    Truth: label k is 1 if the projection of the features on direction k, plus noise, exceeds a threshold.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 0x3B1])
    values = rng.standard_normal((samples, features))
    directions = rng.standard_normal((features, classes))
    directions /= np.linalg.norm(directions, axis=0)
    thresholds = np.linspace(-0.3, 0.9, classes)
    score = values @ directions + 0.2 * rng.standard_normal((samples, classes))
    labels = (score > thresholds).astype(np.float32)
    labels[rng.random((samples, classes)) < missing] = np.nan
    return {
        "columns": {"features": values.astype(np.float32), "labels": labels},
        "fields": {"features": {"type": "vector"}, "labels": {"type": "labels"}},
        "truth": {"directions": directions, "thresholds": thresholds},
    }
