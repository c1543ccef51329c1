"""Sentences with a class for each word: names of people and of places, and other words."""

from typing import Any

_PLAIN = ["met", "saw", "left", "found", "called", "sold", "house", "river", "today", "with", "for", "on"]


def make(*, seed: int, samples: int = 300, length: int = 10) -> dict[str, Any]:
    """Return `words` (lists) and `entity` (lists of `O`, `PERSON`, `PLACE`, one for each word).

    Truth: a name can be either; after `in` it is a place, everywhere else a person.
    """
    import numpy as np

    from declare.components.sources._simulated._words import words

    rng = np.random.default_rng([seed, 0x7A6])
    names = [word.title() for word in words(12, rng)]
    sentences, tags = [], []
    for _ in range(samples):
        row: list[str] = []
        classes: list[str] = []
        for _ in range(int(rng.integers(1, max(2, length)))):
            kind = int(rng.integers(3))
            name = names[int(rng.integers(len(names)))]
            row += [[_PLAIN[int(rng.integers(len(_PLAIN)))]], [name], ["in", name]][kind]
            classes += [["O"], ["PERSON"], ["O", "PLACE"]][kind]
        sentences.append(row)
        tags.append(classes)
    return {
        "columns": {"words": sentences, "entity": tags},
        "fields": {
            "words": {"type": "text", "tokenizer": "word"},
            "entity": {"type": "tags", "of": "words"},
        },
        "truth": {"names": names},
    }
