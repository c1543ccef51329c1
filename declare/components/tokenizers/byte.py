"""`byte`: every byte of the UTF-8 text is a token."""

from collections.abc import Iterable, Sequence

from declare.contract.kinds.tokenizer import SPECIAL, Coder, Tokenizer, Vocabulary


class Byte(Tokenizer):
    """Every byte of the UTF-8 text is a token: 256 and the special tokens; nothing is learned or unknown.

    Example:
        ```yaml
        fields: {text: {type: text, tokenizer: byte, max_length: 256}}
        ```
    """

    def fit(self, texts: Iterable[str | Sequence[str]]) -> Vocabulary:
        """Return an empty vocabulary: bytes need no training."""
        return {}

    def open(self, vocabulary: Vocabulary) -> Coder:
        """Return the tokenizer."""
        return _ByteCoder()


class _ByteCoder:
    """Bytes, after the special tokens."""

    def __init__(self) -> None:
        self.special = {name: index for index, name in enumerate(SPECIAL)}
        self.size = 256 + len(SPECIAL)

    def encode(self, texts: Sequence[str | Sequence[str]]) -> list[list[int]]:
        """Return the ids of each text; words are joined by spaces."""
        first = len(SPECIAL)
        whole = (text if isinstance(text, str) else " ".join(map(str, text)) for text in texts)
        return [[first + byte for byte in text.encode("utf-8", "surrogateescape")] for text in whole]

    def starts(self, words: Sequence[str]) -> list[int]:
        """Return the position of each word's first byte."""
        starts, place = [], 0
        for word in words:
            length = len(str(word).encode("utf-8", "surrogateescape"))
            starts.append(place if length else -1)
            place += length + 1
        return starts

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; bytes that are not UTF-8 become the replacement character."""
        first = len(SPECIAL)
        return bytes(item - first for item in ids if item >= first).decode("utf-8", "replace")

    def names(self) -> list[str]:
        """Return the special names, printable characters, and the others in hexadecimal."""
        shown = [chr(byte) if 33 <= byte < 127 else f"0x{byte:02x}" for byte in range(256)]
        return [f"<{name}>" for name in SPECIAL] + shown
