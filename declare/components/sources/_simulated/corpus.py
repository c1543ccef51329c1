"""Texts in which every word depends on the word before it."""

from typing import Any

_WORDS = 60
_NEXT = 5


def make(*, seed: int, samples: int = 400, length: int = 24) -> dict[str, Any]:
    """Return `text`: sentences of about `length` words.

    Truth: each of 60 words is followed by one of five, with unequal probabilities. `perplexity` is that of a
    word given the word before it, the lower bound for any model; `unigram` is that of single words.
    """
    import numpy as np

    from declare.components.sources._simulated._words import words

    rng = np.random.default_rng([seed, 0xC09])
    vocabulary = words(_WORDS, rng)
    chances = np.zeros((_WORDS, _WORDS))
    for row in chances:
        row[rng.choice(_WORDS, _NEXT, replace=False)] = rng.dirichlet(np.full(_NEXT, 0.8))
    texts = []
    for _ in range(samples):
        word = int(rng.integers(_WORDS))
        chosen = [word]
        for _ in range(int(rng.integers(max(1, length // 2), max(2, length * 3 // 2)))):
            word = int(rng.choice(_WORDS, p=chances[word]))
            chosen.append(word)
        texts.append(" ".join(vocabulary[place] for place in chosen))
    share = np.full(_WORDS, 1 / _WORDS)
    for _ in range(500):
        share = share @ chances
    entropy = -(share[:, None] * chances * np.log(np.where(chances > 0, chances, 1.0))).sum()
    alone = -(share[share > 0] * np.log(share[share > 0])).sum()
    return {
        "columns": {"text": texts},
        "fields": {"text": {"type": "text", "tokenizer": "word", "max_length": 2 * length}},
        "truth": {"perplexity": float(np.exp(entropy)), "unigram": float(np.exp(alone))},
    }
