"""Tokenizers: how text becomes token ids, and ids text again."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Protocol

from declare.contract.code import Code, NotWrittenError
from declare.contract.component import Component
from declare.contract.problem import Problem

Vocabulary = dict[str, Any]
"""All that a tokenizer learned, as plain JSON values; it travels in the plan."""

SPECIAL = ("bos", "eos", "mask", "unk")
"""What special tokens stand for: start, end, hidden, unknown; they take the first ids in this order."""


def learned_tokens(vocabulary: Vocabulary) -> Vocabulary:
    """Return what a tokenizer learned, also if it was copied from a run together with that run's tokenizer."""
    while set(vocabulary) == {"tokenizer", "vocabulary"}:
        vocabulary = vocabulary["vocabulary"]
    return vocabulary


class Coder(Protocol):
    """An open tokenizer: a vocabulary and the rules to use it.

    `special` maps names of `SPECIAL` to their ids. Ids are below `size`.
    """

    size: int
    special: dict[str, int]

    def encode(self, texts: Sequence[str | Sequence[str]]) -> list[list[int]]:
        """Return the ids of each text; a text may be a list of words."""
        ...

    def starts(self, words: Sequence[str]) -> list[int]:
        """Return the position of each word's first token among the ids of a list of words; -1 if it has none."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; special tokens and ids below 0 are omitted."""
        ...

    def names(self) -> list[str]:
        """Return a readable name of each id."""
        ...


class Tokenizer(Component):
    """How text is split into tokens: bytes, characters, words, or pieces learned from the training split."""

    brings_vocabulary: ClassVar[bool] = False
    """Whether its tokens are those of a file or another run, whose weights they may belong to."""

    def stamp(self) -> str:
        """Return a value that changes with the files that it reads; empty if it reads none."""
        return ""

    def fit(self, texts: Iterable[str | Sequence[str]]) -> Vocabulary | Problem:
        """Return the vocabulary for the texts of the training split; deterministic."""
        raise NotImplementedError

    def code(self, name: str, vocabulary: Vocabulary) -> Code:
        """Return code that gives the ids of each of `texts`, for the field `name`; raises `NotWrittenError`."""
        raise NotWrittenError(f"the tokenizer `{self.type_name()}`")

    def open(self, vocabulary: Vocabulary) -> Coder:
        """Return the tokenizer with its learned vocabulary."""
        raise NotImplementedError
