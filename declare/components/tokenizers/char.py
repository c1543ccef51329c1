"""`char`: every character is a token."""

from collections.abc import Iterable, Sequence

from pydantic import Field as Param

from declare.contract.kinds.tokenizer import SPECIAL, Coder, Tokenizer, Vocabulary


class Char(Tokenizer):
    """Every character is a token; those that the training split lacks are unknown.

    Example:
        ```yaml
        fields: {word: {type: text, tokenizer: char, max_length: 32}}
        ```
    """

    vocab_size: int | None = Param(
        None, ge=5, le=1_000_000, description="keep so many, the most frequent; special ones count"
    )
    lowercase: bool = Param(False, description="take capital letters for small ones")

    def fit(self, texts: Iterable[str | Sequence[str]]) -> Vocabulary:
        """Return the characters by falling frequency."""
        from declare.components.tokenizers._lists import count_pieces, most_common

        number = None if self.vocab_size is None else self.vocab_size - len(SPECIAL)
        return {"pieces": most_common(count_pieces(texts, self._cut), number)}

    def open(self, vocabulary: Vocabulary) -> Coder:
        """Return the tokenizer with its characters."""
        from declare.components.tokenizers._lists import ListCoder

        return ListCoder(vocabulary["pieces"], self._cut, "".join)

    def _cut(self, text: str) -> list[str]:
        return list(text.lower() if self.lowercase else text)
