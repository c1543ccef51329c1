"""A transformer over a sequence. Shapes: B batch, T positions, D features, C channels, F features of the input."""

import torch
from torch import Tensor, nn

from declare.nn.modules.attention import Block, Positions, masked_mean, nonempty_mask
from declare.nn.modules.padding import real_steps


class Transformer(nn.Module):
    """Blocks of self-attention over tokens, a sequence, a series or the patches of an image.

    Input: ids [B, T] (below 0: padding), x[B, T, F], a series [B, C, L] in patches of `patch` steps or an image
    [B, C, H, W] in squares of `patch` pixels. A second input [B, T] states which positions of a sequence are real, or
    `lengths` [B] how many steps each sample has.
    Output `output` [B, T, D], `pooled` [B, D], their mean over real positions, and `mask` [B, T]. Source: Vaswani
    et al. 2017, https://arxiv.org/abs/1706.03762; patches: Dosovitskiy et al. 2021.
    """

    def __init__(
        self,
        kind: str,
        features: int,
        dim: int,
        *,
        depth: int = 4,
        heads: int = 4,
        hidden: int | None = None,
        causal: bool = False,
        positions: str = "rotary",
        length: int = 0,
        patch: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.patch = patch
        self.embed = _embedding(kind, features, dim, patch)
        self.positions = Positions(length, dim) if positions == "learned" else nn.Identity()
        self.rotate = positions == "rotary"
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            Block(dim, heads, hidden or 4 * dim, dropout=dropout, causal=causal) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(
        self, x: Tensor, mask: Tensor | None = None, lengths: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return `output` [B, T, D], its mean `pooled` [B, D], and `mask` [B, T] of real positions."""
        if self.kind == "tokens":
            mask = x >= 0
            embedded = self.embed(x.clamp_min(0))
        elif self.kind == "sequence":
            embedded = self.embed(x)
        else:
            embedded = self.embed(x).flatten(2).transpose(1, 2)
        if mask is None and lengths is not None:
            mask = real_steps(lengths // self.patch if self.kind == "series" else lengths, embedded.shape[1])
        hidden = self.dropout(self.positions(embedded))
        visible = None if mask is None else nonempty_mask(mask)
        for block in self.blocks:
            hidden = block(hidden, visible, rotate=self.rotate)
        hidden = self.norm(hidden)
        is_real = torch.ones_like(hidden[..., 0], dtype=torch.bool) if mask is None else mask
        return {"output": hidden, "pooled": masked_mean(hidden, mask), "mask": is_real}


def _embedding(kind: str, features: int, dim: int, patch: int) -> nn.Module:
    if kind == "tokens":
        return nn.Embedding(features, dim)
    if kind == "sequence":
        return nn.Linear(features, dim)
    layer = nn.Conv1d if kind == "series" else nn.Conv2d
    return layer(features, dim, patch, stride=patch)
