"""`word`: every word is a token."""

import re
from collections.abc import Iterable, Sequence

from pydantic import Field as Param

from declare.contract.kinds.tokenizer import SPECIAL, Coder, Tokenizer, Vocabulary

_WORDS = re.compile(r"\w+|[^\w\s]")


class Word(Tokenizer):
    """Every word, and every mark between words, is a token; those that the training split lacks are unknown.

    With `punctuation: false` text is cut at white space alone: pieces come as they stand in the data. Lists of
    words are cut word by word.

    Example:
        ```yaml
        fields: {source: {type: text, tokenizer: {type: word, vocab_size: 8000}, max_length: 64}}
        ```
    """

    vocab_size: int | None = Param(
        None, ge=5, le=1_000_000, description="keep so many, the most frequent; special ones count"
    )
    lowercase: bool = Param(False, description="take capital letters for small ones")
    min_count: int = Param(
        1, ge=1, le=10**9, description="words that are rarer in the training split are unknown"
    )
    punctuation: bool = Param(True, description="marks are tokens of their own")

    def fit(self, texts: Iterable[str | Sequence[str]]) -> Vocabulary:
        """Return the words by falling frequency."""
        from declare.components.tokenizers._lists import count_pieces, most_common

        number = None if self.vocab_size is None else self.vocab_size - len(SPECIAL)
        return {"pieces": most_common(count_pieces(texts, self._cut), number, self.min_count)}

    def open(self, vocabulary: Vocabulary) -> Coder:
        """Return the tokenizer with its words."""
        from declare.components.tokenizers._lists import ListCoder

        return ListCoder(vocabulary["pieces"], self._cut, self._join)

    def _cut(self, text: str) -> list[str]:
        known = text.lower() if self.lowercase else text
        return _WORDS.findall(known) if self.punctuation else known.split()

    def _join(self, words: Sequence[str]) -> str:
        text = " ".join(words)
        return re.sub(r" ([.,;:!?%)\]}])", r"\1", text) if self.punctuation else text
