"""Pronounceable artificial words."""

from typing import Any


def words(number: int, rng: Any) -> list[str]:
    """Return `number` different words of two or three syllables."""
    syllables = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]
    unique_words: dict[str, None] = {}
    while len(unique_words) < number:
        count = int(rng.integers(2, 4))
        unique_words["".join(syllables[int(place)] for place in rng.integers(0, len(syllables), count))] = (
            None
        )
    return list(unique_words)
