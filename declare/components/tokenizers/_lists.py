"""Tokenizers with a vocabulary list; they differ in how they split and join texts."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from pydantic import Field as Param

from declare.contract import strict_json
from declare.contract.code import Code, NotWrittenError
from declare.contract.kinds.tokenizer import SPECIAL, Coder, Tokenizer, Vocabulary

Text = str | Sequence[str]


class ListCoder:
    """Maps pieces to their index in a list; unknown pieces become `unk`."""

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
        """Return the position of each word's first piece."""
        starts, place = [], 0
        for word in words:
            length = len(self._cut(str(word)))
            starts.append(place if length else -1)
            place += length
        return starts

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; unknown pieces are shown, other special tokens are omitted."""
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
    """Return at most `number` pieces that occur at least `least` times, by decreasing count, then alphabetically."""
    order = sorted(
        (piece for piece, count in counts.items() if count >= least), key=lambda p: (-counts[p], p)
    )
    return order[:number]


class ListTokenizer(Tokenizer):
    """A tokenizer with its own code to split texts (`_cut`) and join them (`_join`)."""

    vocab_size: int | None = Param(
        None,
        ge=5,
        le=1_000_000,
        description="maximum number of tokens, the most frequent ones, including special tokens",
    )
    lowercase: bool = Param(False, description="convert to lower case")

    def _cut(self, text: str) -> list[str]:
        """Return the pieces of a text."""
        raise NotImplementedError

    def _join(self, pieces: Sequence[str]) -> str:
        """Return the text of pieces."""
        return "".join(pieces)

    def fit(self, texts: Iterable[Text]) -> Vocabulary:
        """Return the pieces by falling frequency."""
        number = None if self.vocab_size is None else self.vocab_size - len(SPECIAL)
        return {"pieces": most_common(count_pieces(texts, self._cut), number, self._least_count())}

    def _least_count(self) -> int:
        """Return how often a piece must occur in the training split."""
        return 1

    def _cut_code(self) -> str:
        """Return the code of the pieces of `text`; raises `NotWrittenError`."""
        raise NotWrittenError(f"the tokenizer `{self.type_name()}`")

    def code(self, name: str, vocabulary: Vocabulary) -> Code:
        """Return code that looks pieces up in their list."""
        file = f"{name}.pieces.json"
        lines = (
            f'pieces = json.loads((FOLDER / "{file}").read_text())',
            f"index = {{piece: number for number, piece in enumerate(pieces, {len(SPECIAL)})}}",
        )
        ids = (
            f"[[index.get(piece, {SPECIAL.index('unk')}) for piece in {self._cut_code()}] for text in texts]"
        )
        text = strict_json.dumps(vocabulary["pieces"], indent=0) + "\n"
        return Code(ids, lines, self._code_imports(), files={file: text})

    def _code_imports(self) -> tuple[str, ...]:
        return ("import json",)

    def open(self, vocabulary: Vocabulary) -> Coder:
        """Return the tokenizer with its pieces."""
        return ListCoder(vocabulary["pieces"], self._cut, self._join)
