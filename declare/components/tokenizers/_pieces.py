"""Tokenizers of the `tokenizers` library: vocabularies as plain values, and text from ids."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from declare.contract.code import Code
from declare.contract.kinds.tokenizer import SPECIAL
from declare.contract.problem import Problem, ProblemError

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Real

Text = str | Sequence[str]
TOKENS = tuple(f"<{name}>" for name in SPECIAL)


@contextmanager
def panics_refused() -> Iterator[None]:
    """Raise `ProblemError` (DAT362) if the library panics on a text; its panics are not an `Exception`."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ProblemError(unusable_on_texts(reason)) from None


def unusable_on_texts(reason: str) -> Problem:
    """Return the problem that a tokenizer fails on texts of the data, located in the field."""
    return Problem(
        "DAT362",
        "the tokenizer fails on texts of this field",
        at="tokenizer",
        label="fails on a text",
        notes=(f"the library reports: {reason}",),
        helps=(
            (
                "check its rules: a pattern with too much backtracking fails, and so does a missing "
                "unknown token"
            ),
        ),
    )


class PieceCoder:
    """A tokenizer of the library; `special` maps our names of special tokens to their ids."""

    def __init__(self, real: Real, special: dict[str, int]) -> None:
        self._real = real
        self.special = special
        self._hidden = set(special.values())
        self.size = real.get_vocab_size(with_added_tokens=True)

    def encode(self, texts: Sequence[Text]) -> list[list[int]]:
        """Return the ids of each text; the library processes all of them at once."""
        ids: list[list[int]] = [[] for _ in texts]
        for words in (False, True):
            places = [place for place, text in enumerate(texts) if isinstance(text, str) != words]
            if places:
                chosen: Any = [
                    texts[place] if not words else list(map(str, texts[place])) for place in places
                ]
                with panics_refused():
                    done = self._real.encode_batch_fast(
                        chosen, is_pretokenized=words, add_special_tokens=False
                    )
                for place, item in zip(places, done, strict=True):
                    ids[place] = item.ids
        return ids

    def to_json(self) -> str:
        """Return the library's own file of the tokenizer."""
        return str(self._real.to_str(pretty=True)) + "\n"

    def starts(self, words: Sequence[str]) -> list[int]:
        """Return the position of each word's first piece."""
        with panics_refused():
            encoding = self._real.encode(
                list(map(str, words)), is_pretokenized=True, add_special_tokens=False
            )
        starts = [-1] * len(words)
        for place, word in enumerate(encoding.word_ids):
            if word is not None and starts[word] < 0:
                starts[word] = place
        return starts

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids."""
        kept = [int(item) for item in ids if item >= 0 and item not in self._hidden]
        with panics_refused():
            text: str = self._real.decode(kept, skip_special_tokens=True)
        return text

    def names(self) -> list[str]:
        """Return the pieces by id."""
        vocabulary = self._real.get_vocab(with_added_tokens=True)
        names = [""] * self.size
        for piece, index in vocabulary.items():
            if index < len(names):
                names[index] = piece
        return names


def piece_code(name: str, coder: PieceCoder) -> Code:
    """Return code that encodes `texts` with the library, from its own file."""
    file = f"{name}.tokenizer.json"
    lines = (f'tokenizer = Tokenizer.from_file(str(FOLDER / "{file}"))',)
    ids = "[item.ids for item in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]"
    return Code(ids, lines, ("from tokenizers import Tokenizer",), files={file: coder.to_json()})


def words_of(texts: Iterable[Text]) -> Iterator[str]:
    """Yield training texts; texts that are lists of words are joined by spaces."""
    for text in texts:
        yield text if isinstance(text, str) else " ".join(map(str, text))


def train_pieces(real: Real, trainer: Any, texts: Iterable[Text]) -> dict[str, Any]:
    """Train and return the pieces by id, and the merges if the model has any."""
    import json

    real.train_from_iterator(words_of(texts), trainer)
    model = json.loads(real.to_str())["model"]
    pieces = sorted(model["vocab"], key=model["vocab"].__getitem__)
    return {"pieces": pieces} | ({"merges": model["merges"]} if "merges" in model else {})


def too_small(stated: int, least: int, why: str) -> Problem:
    """Return the problem that a vocabulary is too small for its required tokens."""
    return Problem(
        "DAT361",
        f"`vocab_size: {stated}` only has room for {why}",
        at="vocab_size",
        label=f"{least} are required",
        helps=(f"choose more than {least}, or use `tokenizer: byte`",),
    )
