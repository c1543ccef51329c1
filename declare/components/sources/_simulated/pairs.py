"""Pairs of texts: the second is the first in reverse order."""

from typing import Any

_WORDS = 24


def make(*, seed: int, samples: int = 2000, length: int = 8) -> dict[str, Any]:
    """Return `source` with two to `length` words and `target`, the same words in reverse order.

    Truth: `words` is the vocabulary; every pair can be predicted exactly.
    """
    import numpy as np

    from declare.components.sources._simulated._words import words

    rng = np.random.default_rng([seed, 0x9A1])
    vocabulary = words(_WORDS, rng)
    rows = [
        [
            vocabulary[int(place)]
            for place in rng.integers(0, _WORDS, int(rng.integers(2, max(2, length) + 1)))
        ]
        for _ in range(samples)
    ]
    text = {"type": "text", "tokenizer": "word", "max_length": max(2, length) + 1}
    return {
        "columns": {
            "source": [" ".join(row) for row in rows],
            "target": [" ".join(reversed(row)) for row in rows],
        },
        "fields": {"source": text, "target": text},
        "truth": {"words": vocabulary},
    }
