"""A table of flats: numbers with gaps, a category, and a price that depends on them."""

from typing import Any


def make(*, seed: int, samples: int = 1000, missing: float = 0.05) -> dict[str, Any]:
    """Return `income`, `rooms` (NaN where missing), `region` (strings) and `price`.

    Truth: price = base of the region + 2.5 income + 1.2 rooms + noise of standard deviation 1.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 0x7AB])
    income = rng.lognormal(1.0, 0.4, samples)
    rooms = rng.integers(1, 8, samples).astype(np.float64)
    names = np.array(["coast", "hills", "inland", "town"])
    bases = np.array([9.0, 6.0, 2.0, 5.0])
    region = rng.integers(0, 4, samples)
    price = bases[region] + 2.5 * income + 1.2 * rooms + rng.standard_normal(samples)
    rooms[rng.random(samples) < missing] = np.nan
    return {
        "columns": {"income": income, "rooms": rooms, "region": names[region], "price": price},
        "fields": {
            "income": {"type": "number"},
            "rooms": {"type": "number"},
            "region": {"type": "category"},
            "price": {"type": "number"},
        },
        "truth": {"bases": dict(zip(names.tolist(), bases.tolist(), strict=True)), "noise": 1.0},
    }
