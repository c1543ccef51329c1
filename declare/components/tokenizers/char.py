"""`char`: every character is a token."""

from declare.components.tokenizers._lists import ListTokenizer


class Char(ListTokenizer):
    """Every character is a token; characters that do not occur in the training split are unknown.

    Example:
        ```yaml
        fields: {word: {type: text, tokenizer: char, max_length: 32}}
        ```
    """

    def _cut_code(self) -> str:
        return "text.lower()" if self.lowercase else "text"

    def _cut(self, text: str) -> list[str]:
        return list(text.lower() if self.lowercase else text)
