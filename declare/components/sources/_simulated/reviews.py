"""Reviews with a positive or negative mood."""

from typing import Any

_FOR = ["brilliant", "charming", "delightful", "gripping", "lovely", "moving", "superb", "wonderful"]
_AGAINST = ["awful", "boring", "clumsy", "dreadful", "dull", "feeble", "stale", "tedious"]
_PLAIN = [
    *("the", "a", "film", "plot", "music", "cast", "ending", "camera", "story", "it", "was"),
    *("with", "and", "of", "very", "quite", "scene", "this", "that", "had"),
]


def make(*, seed: int, samples: int = 400, length: int = 20, missing: float = 0.0) -> dict[str, Any]:
    """Return `text` of one to about `length` words, `mood` (`pos` or `neg`, None if missing) and `author` (an id).

    Truth: a fifth of the words, at least one, are positive or negative; a fraction `share` of them agrees
    with the mood, the others are opposite.
    """
    import numpy as np

    rng = np.random.default_rng([seed, 0x2E7])
    moods, texts = [], []
    for _ in range(samples):
        good = bool(rng.integers(2))
        size = int(rng.integers(1, max(2, length * 3 // 2)))
        row = [_PLAIN[int(place)] for place in rng.integers(0, len(_PLAIN), size)]
        telling = max(1, size // 5)
        for number, place in enumerate(rng.choice(size, telling, replace=False)):
            says = _FOR if good == (number == 0 or bool(rng.random() < 0.9)) else _AGAINST
            row[int(place)] = says[int(rng.integers(len(says)))]
        moods.append(None if rng.random() < missing else "pos" if good else "neg")
        texts.append(" ".join(row))
    return {
        "columns": {
            "text": texts,
            "mood": moods,
            "author": [f"a{number % 20:02d}" for number in range(samples)],
        },
        "fields": {
            "text": {"type": "text", "tokenizer": "word"},
            "mood": {"type": "category"},
            "author": {"type": "id"},
        },
        "truth": {"share": 0.9, "for": _FOR, "against": _AGAINST},
    }
