"""Tokenizers that are a list of pieces: how texts are cut and joined is the only difference between them."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from declare.contract.kinds.tokenizer import SPECIAL

Text = str | Sequence[str]


class ListCoder:
    """Looks pieces up in a list; what is not there is `unk`."""

    def __init__(
        self, pieces: Sequence[str], cut: Callable[[str], list[str]], join: Callable[[Sequence[str]], str]
    ) -> None:
        self._pieces = [f"<{name}>" for name in SPECIAL] + list(pieces)
        self.special = {name: index for index, name in enumerate(SPECIAL)}
        self._index = {piece: index for index, piece in enumerate(self._pieces) if index >= len(SPECIAL)}
        self._cut, self._join = cut, join
        self.size = len(self._pieces)

    def encode(self, texts: Sequence[Text]) -> list[list[int]]:
        """Return the ids of each text."""
        unknown, index = self.special["unk"], self._index
        return [[index.get(piece, unknown) for piece in self._pieces_of(text)] for text in texts]

    def _pieces_of(self, text: Text) -> list[str]:
        if isinstance(text, str):
            return self._cut(text)
        return [piece for word in text for piece in self._cut(str(word))]

    def starts(self, words: Sequence[str]) -> list[int]:
        """Return the place of each word's first piece."""
        starts, place = [], 0
        for word in words:
            length = len(self._cut(str(word)))
            starts.append(place if length else -1)
            place += length
        return starts

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; unknown pieces are shown, other special ones left out."""
        shown = self.special["unk"]
        return self._join([self._pieces[item] for item in ids if item >= shown])

    def names(self) -> list[str]:
        """Return the pieces."""
        return list(self._pieces)


def count_pieces(texts: Iterable[Text], cut: Callable[[str], list[str]]) -> Counter[str]:
    """Return how often each piece occurs."""
    pieces: Counter[str] = Counter()
    for text in texts:
        for part in [text] if isinstance(text, str) else text:
            pieces.update(cut(str(part)))
    return pieces


def most_common(counts: Counter[str], number: int | None, least: int = 1) -> list[str]:
    """Return the pieces by falling number, equal ones by alphabet; at most `number`, each seen `least` times."""
    order = sorted(
        (piece for piece, count in counts.items() if count >= least), key=lambda p: (-counts[p], p)
    )
    return order[:number]
