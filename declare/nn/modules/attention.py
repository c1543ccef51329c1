"""Blocks of attention. Shapes: B batch, T positions, S memory positions, D features, H heads, K = D / H."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Multi-head attention of x[B, T, D] to itself, or to a memory [B, S, D].

    `mask` [B, S] states which positions may be looked at (None: all); `causal` hides those that come later.
    `rotate` turns queries and keys by their position (rotary positions). Source: Vaswani et al. 2017.
    """

    def __init__(self, dim: int, heads: int, *, dropout: float = 0.0, causal: bool = False) -> None:
        super().__init__()
        self.heads = heads
        self.causal = causal
        self.dropout = dropout
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim)
        self.value = nn.Linear(dim, dim)
        self.out = nn.Linear(dim, dim)

    def forward(
        self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None, rotate: bool = False
    ) -> Tensor:
        """Return what each position of x has gathered [B, T, D]."""
        source = x if memory is None else memory
        q_BHTK, k_BHSK, v_BHSK = (
            self._split(layer(values))
            for layer, values in ((self.query, x), (self.key, source), (self.value, source))
        )
        if rotate:
            q_BHTK, k_BHSK = rotary(q_BHTK), rotary(k_BHSK)
        # Causal attention needs no mask of padding: padding comes last, and nothing looks ahead.
        attention_mask = None if mask is None or self.causal else mask[:, None, None, :]
        gathered_BHTK = functional.scaled_dot_product_attention(
            q_BHTK,
            k_BHSK,
            v_BHSK,
            attn_mask=attention_mask,
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=self.causal,
        )
        return self.out(gathered_BHTK.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


class Feedforward(nn.Sequential):
    """Two linear layers with GELU between them, position by position."""

    def __init__(self, dim: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, dim), nn.Dropout(dropout))


class Block(nn.Module):
    """Attention and a feed-forward layer, each after a norm and added to its input (pre-norm).

    With `cross` the block also attends to a memory between the two. Source: Xiong et al. 2020 (pre-norm).
    """

    def __init__(
        self,
        dim: int,
        heads: int,
        hidden: int,
        *,
        dropout: float = 0.0,
        causal: bool = False,
        cross: bool = False,
    ) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.attention = Attention(dim, heads, dropout=dropout, causal=causal)
        self.cross_norm = nn.LayerNorm(dim) if cross else None
        self.cross = Attention(dim, heads, dropout=dropout) if cross else None
        self.feedforward_norm = nn.LayerNorm(dim)
        self.feedforward = Feedforward(dim, hidden, dropout)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        rotate: bool = False,
    ) -> Tensor:
        """Return x[B, T, D] after the block."""
        x = x + self.dropout(self.attention(self.norm(x), mask=mask, rotate=rotate))
        if self.cross is not None and self.cross_norm is not None:
            x = x + self.dropout(self.cross(self.cross_norm(x), memory, memory_mask))
        return x + self.feedforward(self.feedforward_norm(x))


class Positions(nn.Module):
    """Adds a learned vector for each of `length` positions to x[B, T, D]; later ones use the last vector."""

    def __init__(self, length: int, dim: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(length, dim))

    def forward(self, x: Tensor) -> Tensor:
        """Return x [B, T, D] with its positions."""
        length = len(self.table)
        if x.shape[1] <= length:
            return x + self.table[: x.shape[1]]
        return x + self.table[torch.arange(x.shape[1], device=x.device).clamp_max(length - 1)]


def rotary(x: Tensor) -> Tensor:
    """Turn pairs of features of x[B, H, T, K] by angles that grow with the position. Source: Su et al. 2021.

    The result is contiguous: attention's kernels that keep no scores [T, T] require that of the last axis.
    """
    half = x.shape[-1] // 2
    rates = 10_000.0 ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angles = torch.arange(x.shape[-2], device=x.device, dtype=torch.float32)[:, None] * rates
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, first * sin + second * cos], -1).contiguous()


def nonempty_mask(mask: Tensor) -> Tensor:
    """Return a mask [B, T] in which every row has its first position: attention over an empty mask is NaN."""
    return torch.cat([torch.ones_like(mask[:, :1]), mask[:, 1:]], 1)


def masked_mean(x: Tensor, mask: Tensor | None) -> Tensor:
    """Return the mean [B, D] of x[B, T, D] over the positions that `mask` [B, T] shows."""
    if mask is None:
        return x.mean(1)
    weight = mask.to(x.dtype)
    return (x * weight.unsqueeze(-1)).sum(1) / weight.sum(1, keepdim=True).clamp_min(1)
