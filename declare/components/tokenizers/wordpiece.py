"""`wordpiece`: pieces of words, trained on the training split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pydantic import Field as Param

from declare.contract.code import Code
from declare.contract.kinds.tokenizer import SPECIAL, Tokenizer, Vocabulary
from declare.contract.problem import Problem

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Real

    from declare.components.tokenizers._pieces import PieceCoder

_LEAST = 32
_LETTERS = 1000


class Wordpiece(Tokenizer):
    """Splits words into the longest pieces of the vocabulary; pieces inside a word start with `##`.

    As in BERT: text is first split at spaces and punctuation; `lowercase` also removes accents. A word with a
    character that does not occur in the training split is unknown. Trained with the `tokenizers` library.
    Source: Wu et al. 2016, https://arxiv.org/abs/1609.08144.

    Example:
        ```yaml
        fields: {text: {type: text, tokenizer: {type: wordpiece, vocab_size: 8000}, max_length: 128}}
        ```
    """

    vocab_size: int = Param(
        8000, ge=1, le=1_000_000, description="number of tokens, including special tokens"
    )
    min_count: int = Param(
        2, ge=1, le=10**9, description="pieces that occur less often in the training split are not created"
    )
    lowercase: bool = Param(True, description="convert to lower case and remove accents")

    def check(self) -> Iterable[Problem]:
        """Yield a problem for a vocabulary too small for the characters."""
        from declare.components.tokenizers._pieces import too_small

        if self.vocab_size <= _LEAST:
            yield too_small(self.vocab_size, _LEAST, "characters and special tokens")

    def fit(self, texts: Iterable[str | Sequence[str]]) -> Vocabulary:
        """Return the pieces."""
        from tokenizers import Tokenizer, models, trainers

        from declare.components.tokenizers._pieces import TOKENS, train_pieces, words_of

        whole = list(words_of(texts))
        real = self._with_steps(Tokenizer(models.WordPiece(unk_token=TOKENS[-1])))
        letters = self._letters(real, whole)
        # The library numbers letters inside words as it meets them, another way each time: they are named first.
        named = [*TOKENS, *letters, *(f"##{letter}" for letter in letters)]
        trainer = trainers.WordPieceTrainer(
            vocab_size=self.vocab_size,
            min_frequency=self.min_count,
            special_tokens=named,
            limit_alphabet=len(letters),
            show_progress=False,
        )
        return train_pieces(real, trainer, whole)

    def _letters(self, real: Real, texts: Iterable[str]) -> list[str]:
        """Return the most frequent characters, at most half of the vocabulary."""
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(real.normalizer.normalize_str(text))
        room = min(_LETTERS, (self.vocab_size - len(SPECIAL)) // 2)
        kept = sorted((-count, letter) for letter, count in counts.items() if not letter.isspace())
        return sorted(letter for _, letter in kept[:room])

    def code(self, name: str, vocabulary: Vocabulary) -> Code:
        """Return code that encodes texts with the library."""
        from declare.components.tokenizers._pieces import piece_code

        return piece_code(name, self.open(vocabulary))

    def open(self, vocabulary: Vocabulary) -> PieceCoder:
        """Return the tokenizer with its pieces."""
        from tokenizers import Tokenizer, models

        from declare.components.tokenizers._pieces import TOKENS, PieceCoder

        index = {piece: place for place, piece in enumerate(vocabulary["pieces"])}
        real = self._with_steps(Tokenizer(models.WordPiece(vocab=index, unk_token=TOKENS[-1])))
        return PieceCoder(real, {name: place for place, name in enumerate(SPECIAL)})

    def _with_steps(self, real: Real) -> Real:
        """Return a tokenizer with the steps before and after its model."""
        from tokenizers import decoders, normalizers, pre_tokenizers

        real.normalizer = normalizers.BertNormalizer(lowercase=self.lowercase)
        real.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        real.decoder = decoders.WordPiece()
        return real
