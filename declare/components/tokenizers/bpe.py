"""`bpe`: byte pair encoding, trained on the training split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pydantic import Field as Param

from declare.contract.code import Code
from declare.contract.kinds.tokenizer import SPECIAL, Tokenizer, Vocabulary
from declare.contract.problem import Problem

if TYPE_CHECKING:
    from tokenizers import Tokenizer as Real

    from declare.components.tokenizers._pieces import PieceCoder

_BYTES = 256 + len(SPECIAL)


class Bpe(Tokenizer):
    """Merges frequent pairs of pieces until the vocabulary is full; it starts from bytes, so no text is unknown.

    Byte-level, as in GPT-2: a space belongs to the word after it. Trained with the `tokenizers` library.
    Source: Sennrich et al. 2016, https://arxiv.org/abs/1508.07909.

    Example:
        ```yaml
        fields: {text: {type: text, tokenizer: {type: bpe, vocab_size: 8000}, max_length: 256}}
        ```
    """

    vocab_size: int = Param(
        8000, ge=1, le=1_000_000, description="number of tokens, including bytes and special tokens"
    )
    min_count: int = Param(
        2, ge=1, le=10**9, description="pairs that occur less often in the training split are not merged"
    )
    lowercase: bool = Param(False, description="convert to lower case")

    def check(self) -> Iterable[Problem]:
        """Yield a problem for a vocabulary without room for pieces."""
        from declare.components.tokenizers._pieces import too_small

        if self.vocab_size <= _BYTES:
            yield too_small(self.vocab_size, _BYTES, f"256 bytes and {len(SPECIAL)} special tokens")

    def fit(self, texts: Iterable[str | Sequence[str]]) -> Vocabulary:
        """Return pieces and merges."""
        from tokenizers import Tokenizer, models, pre_tokenizers, trainers

        from declare.components.tokenizers._pieces import TOKENS, train_pieces

        trainer = trainers.BpeTrainer(
            vocab_size=self.vocab_size,
            min_frequency=self.min_count,
            special_tokens=list(TOKENS),
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        return train_pieces(self._with_steps(Tokenizer(models.BPE())), trainer, texts)

    def code(self, name: str, vocabulary: Vocabulary) -> Code:
        """Return code that encodes texts with the library."""
        from declare.components.tokenizers._pieces import piece_code

        return piece_code(name, self.open(vocabulary))

    def open(self, vocabulary: Vocabulary) -> PieceCoder:
        """Return the tokenizer with its pieces."""
        from tokenizers import Tokenizer, models

        from declare.components.tokenizers._pieces import PieceCoder

        index = {piece: place for place, piece in enumerate(vocabulary["pieces"])}
        merges = [tuple(pair) for pair in vocabulary["merges"]]
        real = self._with_steps(Tokenizer(models.BPE(vocab=index, merges=merges)))
        return PieceCoder(real, {name: place for place, name in enumerate(SPECIAL)})

    def _with_steps(self, real: Real) -> Real:
        """Return a tokenizer with the steps before and after its model."""
        from tokenizers import decoders, normalizers, pre_tokenizers

        if self.lowercase:
            real.normalizer = normalizers.Lowercase()
        real.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        real.decoder = decoders.ByteLevel()
        return real
