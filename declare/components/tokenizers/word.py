"""`word`: every word is a token."""

import re
from collections.abc import Sequence

from pydantic import Field as Param

from declare.components.tokenizers._lists import ListTokenizer

_WORDS = re.compile(r"\w+|[^\w\s]")


class Word(ListTokenizer):
    """Every word, and every mark between words, is a token; those that the training split lacks are unknown.

    With `punctuation: false` text is cut at white space alone: pieces come as they stand in the data. Lists of
    words are cut word by word.

    Example:
        ```yaml
        fields: {source: {type: text, tokenizer: {type: word, vocab_size: 8000}, max_length: 64}}
        ```
    """

    min_count: int = Param(
        1, ge=1, le=10**9, description="words that are rarer in the training split are unknown"
    )
    punctuation: bool = Param(True, description="marks are tokens of their own")

    def _least_count(self) -> int:
        return self.min_count

    def _cut(self, text: str) -> list[str]:
        known = text.lower() if self.lowercase else text
        return _WORDS.findall(known) if self.punctuation else known.split()

    def _join(self, words: Sequence[str]) -> str:
        text = " ".join(words)
        return re.sub(r" ([.,;:!?%)\]}])", r"\1", text) if self.punctuation else text
