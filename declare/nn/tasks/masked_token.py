"""Hidden tokens of a text. Shapes: B batch, T positions, V tokens of the vocabulary."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from declare.nn.tasks.masking import mask_target
from declare.nn.tasks.prior import class_logits, constant

Fields = Mapping[str, Tensor]


class MaskedToken:
    """Takes logits [B, T, V] and ids [B, T], below 0 after the end of each text; hidden tokens alone count.

    Of the chosen tokens the shares `shares` are shown as `mask` and as other tokens, the rest as they are. Source:
    Devlin et al. 2019, https://arxiv.org/abs/1810.04805.
    """

    module: nn.Module | None = None

    def __init__(
        self,
        *,
        target: str,
        special: Mapping[str, int],
        classes: int,
        ratio: float = 0.15,
        shares: tuple[float, float] = (0.8, 0.1),
        mask: str | None = None,
        unigrams: Sequence[int] | None = None,
    ) -> None:
        self._target = target
        self._mask = mask
        self._symbol = special["mask"]
        self._special = sorted(set(special.values()))
        # Special tokens are never hidden.
        hideable = [0 if place in self._special else count for place, count in enumerate(unigrams or ())]
        self._prior = class_logits(hideable)
        self._classes = classes
        self._ratio = ratio
        self._shares = shares

    def mask_inputs(self, fields: Fields, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the text with some tokens hidden, and `TARGET.hidden` [B, T]: which are to be predicted."""
        tokens = fields[self._target]
        first, second, third = _split_generators(generator, 3)
        is_chosen = self._choose(tokens, first)
        fate = torch.rand(tokens.shape[::-1], generator=second, device=tokens.device).t()
        random_tokens = torch.randint(
            0, self._classes, tokens.shape[::-1], generator=third, device=tokens.device
        ).t()
        masked_share, random_share = self._shares
        visible_tokens = torch.where(is_chosen & (fate < masked_share), self._symbol, tokens)
        is_random = is_chosen & (fate >= masked_share) & (fate < masked_share + random_share)
        return {
            self._target: torch.where(is_random, random_tokens, visible_tokens),
            f"{self._target}.hidden": is_chosen,
        }

    def _choose(self, tokens: Tensor, generator: torch.Generator) -> Tensor:
        """Return which tokens [B, T] are to be predicted: a fraction of each text, at least one."""
        draws = torch.rand(tokens.shape[::-1], generator=generator, device=tokens.device).t()
        free = tokens >= 0
        for place in self._special:
            free = free & (tokens != place)
        draws = draws.masked_fill(~free, 2.0)
        number = (free.sum(1, keepdim=True) * self._ratio).round().clamp_min(1)
        rank = draws.argsort(1).argsort(1)
        return free & (rank < number)

    def target(self, batch: Fields) -> Tensor:
        """Return ids [B, T] of hidden tokens, -1 elsewhere."""
        hidden = batch.get(f"{self._target}.hidden")
        tokens = batch[self._target]
        target = tokens if hidden is None else torch.where(hidden, tokens, -1)
        return target if self._mask is None else mask_target(target, batch[self._mask])

    def scores(self, output: Tensor, batch: Fields) -> tuple[Tensor, Tensor]:
        """Return logits [B, T, V] and ids [B, T], -1 where nothing counts."""
        return output, self.target(batch)

    def predict(self, output: Tensor) -> dict[str, Tensor]:
        """Return nothing, of logits [B, T, V]: what was hidden is known."""
        return {}

    def baseline_prediction(self, output: Tensor, batch: Fields, generator: torch.Generator) -> Tensor | None:
        """Return the log frequency of each token in the training split [B, T, V]."""
        return constant(self._prior, output, -1)


def _split_generators(generator: torch.Generator, number: int) -> list[torch.Generator]:
    """Return generators of one start each.

    With draws that go by position first, what is drawn for a text does not depend on how long others are.
    """
    start = generator.initial_seed()
    return [
        torch.Generator(generator.device).manual_seed((start + 15_485_863 * index) % 2**63)
        for index in range(number)
    ]
