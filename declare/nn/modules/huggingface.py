"""A model of transformers without its head. Shapes: B batch, T positions, S written ones, D features."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from declare.nn.modules.attention import masked_mean


class Huggingface(nn.Module):
    """The body of any architecture of transformers, from its configuration or from a folder of weights.

    Input: ids [B, T] (below 0: padding); models with an encoder and a decoder take a second input, the ids [B, S]
    that are written (without it the encoder alone runs).
    Output `output` [B, T or S, D], `pooled` [B, D], the mean over real positions, and `mask`. Source: Wolf et al.
    2020. Raises LookupError if the folder lacks weights of the model.
    """

    def __init__(
        self,
        name: str,
        config: Mapping[str, Any],
        *,
        folder: Path | None = None,
        weights: bool = False,
        writes: bool = False,
    ) -> None:
        super().__init__()
        from transformers import AutoConfig, AutoModel
        from transformers.utils import logging

        # It warns of special tokens of vocabularies that are not used here.
        logging.set_verbosity_error()
        plan_config = AutoConfig.for_model(name, **config)
        if weights:
            model, report = AutoModel.from_pretrained(
                str(folder),
                config=plan_config,
                local_files_only=True,
                trust_remote_code=False,
                weights_only=True,
                output_loading_info=True,
            )
            lacking = sorted(name for name in report["missing_keys"] if not name.startswith("pooler."))
            if lacking:
                raise LookupError(f"{len(lacking)} weights are not there, the first is {lacking[0]}")
        else:
            model = AutoModel.from_config(plan_config, trust_remote_code=False)
        if getattr(model, "pooler", None) is not None:
            model.pooler = None  # replaced by the mean over real positions
        self.writes = writes
        self.has_decoder: bool = plan_config.is_encoder_decoder
        self.model = model.get_encoder() if plan_config.is_encoder_decoder and not writes else model

    def forward(self, x: Tensor, written: Tensor | None = None) -> dict[str, Tensor]:
        """Return `output` [B, T, D], its mean `pooled` [B, D], and `mask` [B, T] of real positions."""
        mask = x >= 0
        arguments: dict[str, Any] = {"input_ids": x.clamp_min(0)}
        if not x.is_meta:  # the library looks at the values of a mask
            arguments["attention_mask"] = _nonempty_mask(mask)
        if written is not None:
            mask = written >= 0
            arguments |= {"decoder_input_ids": written.clamp_min(0)}
        arguments |= {"use_cache": False} if hasattr(self.model.config, "use_cache") else {}
        hidden_states: Tensor = self.model(**arguments).last_hidden_state
        return {"output": hidden_states, "pooled": masked_mean(hidden_states, mask), "mask": mask}

    @torch.no_grad()
    def reads_padding(self) -> bool:
        """Return whether its output for a text depends on the amount of padding after it.

        Tried on a short text and a longer one, for some take none so short; False if its weights are not there
        yet, or if it cannot be tried.
        """
        if any(parameter.is_meta for parameter in self.parameters()):
            return False
        training = self.training
        try:
            return any(self.eval()._differs(count) for count in (2, 16))  # noqa: SLF001
        finally:
            self.train(training)

    def _differs(self, count: int) -> bool:
        """Return whether a text of `count` tokens has another result beside one three times as long."""
        longer = torch.arange(3 * count, device=next(self.parameters()).device) % 2
        text = torch.where(torch.arange(3 * count, device=longer.device) < count, longer, -1)
        inputs = 1 + self.writes
        try:
            unpadded = self(*[text[None, :count]] * inputs)["output"][0].float()
            padded = self(*[torch.stack([text, longer])] * inputs)["output"][0, : len(unpadded)].float()
        except (RuntimeError, ValueError, TypeError, IndexError):
            return False
        return not torch.allclose(unpadded, padded, rtol=1e-3, atol=1e-4 * float(unpadded.abs().max() + 1))


def _nonempty_mask(mask: Tensor) -> Tensor:
    """Return a mask of ones and zeros in which every row shows its first position."""
    return torch.cat([torch.ones_like(mask[:, :1]), mask[:, 1:]], 1).long()
