"""The next token of a text. Shapes: B batch, T positions, V tokens of the vocabulary."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from declare.nn.tasks.masking import MaskedTarget
from declare.nn.tasks.prior import class_logits, constant
from declare.nn.transforms.sample_rng import uniform

Fields = Mapping[str, Tensor]
Run = Callable[[Fields], Tensor]


class Sampling(NamedTuple):
    """How a text is written: greedily at temperature 0, else drawn from the `top_k` best.

    At most `max_new_tokens` are written; by default as many as a target may have, 64 if a beginning is given.
    Draws go by `seed` and the number of the text, `first` and on: neither others nor how they are dealt into batches
    matter.
    """

    max_new_tokens: int | None = None
    temperature: float = 0.0
    top_k: int | None = None
    seed: int = 0
    first: int = 0


class NextToken(MaskedTarget):
    """Takes logits [B, T, V] and ids [B, T], below 0 after the end of each text.

    The one place that shifts: the model sees `bos` and all tokens but the last (`mask_inputs`), so that the output at
    a position is about the token that is there. With `afresh` texts are written from nothing but `bos`.
    """

    def __init__(
        self,
        *,
        target: str,
        special: Mapping[str, int],
        mask: str | None = None,
        length: int | None = None,
        afresh: bool = False,
        unigrams: Sequence[int] | None = None,
    ) -> None:
        super().__init__(target, mask)
        self._prior = class_logits(unigrams)
        self._bos = special.get("bos", 0)
        self._eos = special.get("eos", -1)
        self._never = [place for name, place in special.items() if name != "eos" and place != self._eos]
        self._length = length
        self._afresh = afresh

    def mask_inputs(self, fields: Fields, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the text [B, T] as the model sees it: shifted to the right by one."""
        return {self._target: self.shift_right(fields[self._target])}

    def shift_right(self, tokens: Tensor) -> Tensor:
        """Return `bos` and the tokens [B, T] without the last; padding stays where it was."""
        shifted = torch.cat([torch.full_like(tokens[:, :1], self._bos), tokens[:, :-1]], 1)
        return torch.where(tokens >= 0, shifted, -1)

    def scores(self, output: Tensor, batch: Fields) -> tuple[Tensor, Tensor]:
        """Return logits [B, T, V] and ids [B, T], -1 where nothing counts."""
        return output, self.target(batch)

    def predict(self, output: Tensor) -> dict[str, Tensor]:
        """Return nothing, of logits [B, T, V]: texts are written by `generate`."""
        return {}

    def baseline_prediction(self, output: Tensor, batch: Fields, generator: torch.Generator) -> Tensor | None:
        """Return the log frequency of each token in the training split [B, T, V]."""
        return constant(self._prior, output, -1)

    @torch.no_grad()
    def generate(self, run: Run, fields: Fields, sampling: Sampling) -> dict[str, Tensor]:
        """Return `text` [B, new tokens], the continuation of the tokens of `fields`; -1 after the end of each.

        Texts of a batch may differ in length: each grows at its own end, until `eos`. The model sees all of a text
        again for every token, of one longer than it has learned the last part.
        """
        tokens = fields[self._target][:, :0] if self._afresh else fields[self._target]
        number = sampling.max_new_tokens or (self._length if self._afresh else None) or 64
        size, device = len(tokens), tokens.device
        start = torch.full((size, 1), self._bos, device=device)
        generated = torch.full((size, number), -1, device=device)
        sequence = torch.cat([start, tokens, generated], 1).long()
        last = (tokens >= 0).sum(1)
        going = torch.ones(size, dtype=torch.bool, device=device)
        origin = np.uint64((sampling.first + (sampling.seed << 32)) % 2**64)
        keys = np.arange(size, dtype=np.uint64) + origin
        for step in range(number):
            view, place = self._view(sequence, last)
            logits = run({**fields, self._target: view})
            next_tokens = self._sample_token(
                logits[torch.arange(size, device=device), place].float(), sampling, (keys, step)
            )
            going = going & (next_tokens != self._eos)
            if not going.any():
                break
            last = last + going.long()
            generated[going, step] = next_tokens[going]
            sequence[going, last[going]] = next_tokens[going]
        return {"text": generated}

    def _view(self, tokens: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
        """Return the part of texts [B, T] that fits the model, and the place in it of each one's last token."""
        width = int(last.max()) + 1
        if self._length is None or width <= self._length:
            return tokens[:, :width], last
        num_skipped = (last + 1 - self._length).clamp_min(0)
        places = num_skipped[:, None] + torch.arange(self._length, device=tokens.device)
        return tokens.gather(1, places), last - num_skipped

    def _sample_token(self, logits: Tensor, sampling: Sampling, place: tuple[Any, int]) -> Tensor:
        """Return a token [B] for logits [B, V]; special tokens besides `eos` are never written.

        `place` is a key for each text and the number of the token: what draws go by.
        """
        logits[:, self._never] = -torch.inf
        if sampling.temperature == 0:
            return logits.argmax(1)
        if sampling.top_k is not None and sampling.top_k < logits.shape[1]:
            threshold = logits.topk(sampling.top_k, 1).values[:, -1:]
            logits = logits.masked_fill(logits < threshold, -torch.inf)
        draws = uniform(*place, logits.shape[1]).clip(1e-300, 1 - 1e-16)
        # The greatest of scores with Gumbel noise is a draw by their softmax.
        noise = torch.from_numpy(-np.log(-np.log(draws)))
        return (logits / sampling.temperature + noise.to(logits)).argmax(1)
