"""Tokenizers: how text becomes token ids, and ids text again."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from declare.contract.component import Component
from declare.contract.problem import Problem

Vocabulary = dict[str, Any]
"""All that a tokenizer learned, as plain JSON values; it travels in the plan."""

SPECIAL = ("bos", "eos", "mask", "unk")
"""What tokens of their own stand for: start, end, hidden, unknown; they take the first ids in this order."""


class Coder(Protocol):
    """An open tokenizer: a vocabulary and the rules to use it.

    `special` maps names of `SPECIAL` to their ids. Ids are below `size`.
    """

    size: int
    special: dict[str, int]

    def encode(self, texts: Sequence[str | Sequence[str]]) -> list[list[int]]:
        """Return the ids of each text; a text may come cut into words already."""
        ...

    def starts(self, words: Sequence[str]) -> list[int]:
        """Return the place of each word's first token among the ids of a text cut into words; -1 if it has none."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; special ones and ids below 0 are left out."""
        ...

    def names(self) -> list[str]:
        """Return how people call each id."""
        ...


class Tokenizer(Component):
    """How text is cut into tokens: bytes, characters, words, or pieces learned from the training split."""

    def stamp(self) -> str:
        """Return what changes when files that it reads change; empty where it reads none."""
        return ""

    def fit(self, texts: Iterable[str | Sequence[str]]) -> Vocabulary | Problem:
        """Return the vocabulary for the texts of the training split, the same every time for the same texts."""
        raise NotImplementedError

    def open(self, vocabulary: Vocabulary) -> Coder:
        """Return the tokenizer with what it learned."""
        raise NotImplementedError
