"""Did you mean: the known names nearest to an unknown word."""

from collections.abc import Iterable, Sequence

from declare.diagnostics.foreign_values import our_values
from declare.diagnostics.synonyms import plain, synonyms


def suggest(word: str, candidates: Iterable[str], limit: int = 3) -> list[str]:
    """Return at most `limit` of the candidates that `word` may have meant, the likeliest first.

    Ranked: the same but for case, `_` and `-`; what other libraries call by this name; one slip away (OSA
    distance: insert, delete, replace, swap neighbours); longer names that start with the word; the rest
    within a quarter of the word's length. Nothing is suggested for a word that resembles none.
    """
    plain_word = plain(word)
    meant = (*synonyms(word), *our_values(word))
    ranked: list[tuple[int, int, str]] = []
    for candidate in dict.fromkeys(candidates):
        rank = _rank(plain_word, candidate, meant)
        if rank is not None and candidate != word:
            ranked.append((*rank, candidate))
    return [candidate for *_, candidate in sorted(ranked)[:limit]]


def slip(word: str, candidates: Iterable[str]) -> str | None:
    """Return the one candidate that `word` surely means: the same but for case, `_` and `-`, or one slip away.

    None if none is so near, or several are.
    """
    plain_word = plain(word)
    ranks: dict[int, list[str]] = {}
    for candidate in dict.fromkeys(candidates):
        rank = _rank(plain_word, candidate, ())
        if rank is not None and rank[0] in {0, 2} and candidate != word:
            ranks.setdefault(rank[0], []).append(candidate)
    nearest = ranks[min(ranks)] if ranks else []
    return nearest[0] if len(nearest) == 1 else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """Return "did you mean `x` or `y`?" for the nearest candidates, None if there are none."""
    near = suggest(word, candidates)
    if not near:
        return None
    *rest, last = [f"`{name}`" for name in near]
    return f"did you mean {', '.join(rest)}{' or ' if rest else ''}{last}?"


def _rank(word: str, candidate: str, meant: Sequence[str]) -> tuple[int, int] | None:
    """Return how near a candidate is (smaller is nearer), None if it is not."""
    other = plain(candidate)
    if other == word:
        return 0, 0
    if candidate in meant:
        return 1, meant.index(candidate)
    if len(word) == 2 and other == word[::-1]:
        return 2, 1
    allowed = max(1, len(word) // 4) if len(word) > 2 else 0
    distance = osa(word, other, allowed)
    if distance is not None:
        return (2 if distance == 1 else 4), distance
    return (3, len(other)) if len(word) > 2 and other.startswith(word) else None


def osa(left: str, right: str, limit: int) -> int | None:
    """Return the optimal-string-alignment distance of two words, None if it is above `limit`."""
    if abs(len(left) - len(right)) > limit:
        return None
    before: list[int] = []
    above = list(range(len(right) + 1))
    for i, char in enumerate(left, 1):
        row = [i]
        for j, other in enumerate(right, 1):
            cost = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (char != other))
            if i > 1 and j > 1 and char == right[j - 2] and left[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit and (not before or min(above) > limit):
            return None
        before, above = above, row
    return above[-1] if above[-1] <= limit else None
