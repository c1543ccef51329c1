"""Feature vectors with a target that is a linear sum plus one interaction and noise."""

from typing import Any


def make(*, seed: int, samples: int = 1000, features: int = 8, noise: float = 0.3) -> dict[str, Any]:
    """Return `features` [samples, features] and `target`.

    Truth: target = 20 + 5 * (x . weights + 0.5 * x0 * x1 + noise); the best possible RMSE is 5 * `noise`.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 0x4E6])
    values = rng.standard_normal((samples, features))
    weights = rng.standard_normal(features) / np.sqrt(features)
    signal = values @ weights + 0.5 * values[:, 0] * values[:, 1 % features]
    target = 20 + 5 * (signal + noise * rng.standard_normal(samples))
    return {
        "columns": {"features": values.astype(np.float32), "target": target},
        "fields": {"features": {"type": "vector"}, "target": {"type": "number"}},
        "truth": {"weights": weights, "rmse": 5 * noise},
    }
