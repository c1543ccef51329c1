"""`word`: every word is a token."""

import re
from collections.abc import Sequence

from pydantic import Field as Param

from declare.components.tokenizers._lists import ListTokenizer

_WORDS = re.compile(r"\w+|[^\w\s]")


class Word(ListTokenizer):
    """Every word and every punctuation mark is a token; words that do not occur in the training split are unknown.

    With `punctuation: false` text is split only at white space. Lists of words are tokenized word by word.

    Example:
        ```yaml
        fields: {source: {type: text, tokenizer: {type: word, vocab_size: 8000}, max_length: 64}}
        ```
    """

    min_count: int = Param(
        1, ge=1, le=10**9, description="words that occur less often in the training split are unknown"
    )
    punctuation: bool = Param(True, description="punctuation marks are separate tokens")

    def _least_count(self) -> int:
        return self.min_count

    def _cut(self, text: str) -> list[str]:
        known = text.lower() if self.lowercase else text
        return _WORDS.findall(known) if self.punctuation else known.split()

    def _cut_code(self) -> str:
        known = "text.lower()" if self.lowercase else "text"
        return f"re.findall({_WORDS.pattern!r}, {known})" if self.punctuation else f"{known}.split()"

    def _code_imports(self) -> tuple[str, ...]:
        return (*super()._code_imports(), "import re")

    def _join(self, words: Sequence[str]) -> str:
        text = " ".join(words)
        return re.sub(r" ([.,;:!?%)\]}])", r"\1", text) if self.punctuation else text
