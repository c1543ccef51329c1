"""The model of `seq2seq`."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Positions(nn.Module):
    """Adds a learned vector for each of `length` positions to x[B, T, D]; later ones use the last vector."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(16, 64))

    def forward(self, x: Tensor) -> Tensor:
        length = len(self.table)
        if x.shape[1] <= length:
            return x + self.table[: x.shape[1]]
        return x + self.table[torch.arange(x.shape[1], device=x.device).clamp_max(length - 1)]


class Attention(nn.Module):
    """Multi-head attention of x[B, T, D] to itself, or to a memory [B, S, D]."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(64, 64)
        self.key = nn.Linear(64, 64)
        self.value = nn.Linear(64, 64)
        self.out = nn.Linear(64, 64)

    def forward(self, x: Tensor, memory: Tensor | None = None, mask: Tensor | None = None) -> Tensor:
        source = x if memory is None else memory
        q_BHTK, k_BHSK, v_BHSK = (
            layer(values).unflatten(-1, (4, -1)).transpose(1, 2)
            for layer, values in ((self.query, x), (self.key, source), (self.value, source))
        )
        attention_mask = mask[:, None, None, :]
        gathered_BHTK = functional.scaled_dot_product_attention(
            q_BHTK, k_BHSK, v_BHSK, attn_mask=attention_mask, dropout_p=0.0, is_causal=False
        )
        return self.out(gathered_BHTK.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention and a feed-forward layer, each after a norm and added to its input (pre-norm)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(64)
        self.attention = Attention()
        self.feedforward_norm = nn.LayerNorm(64)
        self.feedforward = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64), nn.Dropout(0.0))
        self.dropout = nn.Dropout(0.0)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        x = x + self.dropout(self.attention(self.norm(x), mask=mask))
        return x + self.feedforward(self.feedforward_norm(x))


class Encoder(nn.Module):
    """Blocks of self-attention over tokens, a sequence, a series or the patches of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(28, 64)
        self.positions = Positions()
        self.dropout = nn.Dropout(0.0)
        self.blocks = nn.ModuleList(Block() for _ in range(2))
        self.norm = nn.LayerNorm(64)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        mask = x >= 0
        embedded = self.embed(x.clamp_min(0))
        hidden = self.dropout(self.positions(embedded))
        visible = torch.cat([torch.ones_like(mask[:, :1]), mask[:, 1:]], 1)
        for block in self.blocks:
            hidden = block(hidden, visible)
        hidden = self.norm(hidden)
        return {"output": hidden, "mask": mask}


def rotary(x: Tensor) -> Tensor:
    """Turn pairs of features of x[B, H, T, K] by angles that grow with the position. Source: Su et al. 2021."""
    half = x.shape[-1] // 2
    rates = 10000.0 ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angles = torch.arange(x.shape[-2], device=x.device, dtype=torch.float32)[:, None] * rates
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, first * sin + second * cos], -1).contiguous()


class Attention2(nn.Module):
    """Multi-head attention of x[B, T, D] to itself, or to a memory [B, S, D]."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(64, 64)
        self.key = nn.Linear(64, 64)
        self.value = nn.Linear(64, 64)
        self.out = nn.Linear(64, 64)

    def forward(self, x: Tensor) -> Tensor:
        q_BHTK, k_BHSK, v_BHSK = (
            layer(values).unflatten(-1, (4, -1)).transpose(1, 2)
            for layer, values in ((self.query, x), (self.key, x), (self.value, x))
        )
        q_BHTK, k_BHSK = (rotary(q_BHTK), rotary(k_BHSK))
        gathered_BHTK = functional.scaled_dot_product_attention(
            q_BHTK, k_BHSK, v_BHSK, attn_mask=None, dropout_p=0.0, is_causal=True
        )
        return self.out(gathered_BHTK.transpose(1, 2).flatten(2))


class Block2(nn.Module):
    """Attention and a feed-forward layer, each after a norm and added to its input (pre-norm)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(64)
        self.attention = Attention2()
        self.cross_norm = nn.LayerNorm(64)
        self.cross = Attention()
        self.feedforward_norm = nn.LayerNorm(64)
        self.feedforward = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Linear(256, 64), nn.Dropout(0.0))
        self.dropout = nn.Dropout(0.0)

    def forward(self, x: Tensor, memory: Tensor | None = None, memory_mask: Tensor | None = None) -> Tensor:
        x = x + self.dropout(self.attention(self.norm(x)))
        x = x + self.dropout(self.cross(self.cross_norm(x), memory, memory_mask))
        return x + self.feedforward(self.feedforward_norm(x))


class Decoder(nn.Module):
    """Blocks of causal self-attention over ids [B, T] (below 0: padding) and attention to a memory [B, S, F]."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(28, 64)
        self.memory = nn.Identity()
        self.positions = nn.Identity()
        self.dropout = nn.Dropout(0.0)
        self.blocks = nn.ModuleList(Block2() for _ in range(2))
        self.norm = nn.LayerNorm(64)

    def forward(self, tokens: Tensor, memory: Tensor, memory_mask: Tensor | None = None) -> Tensor:
        visible = torch.cat([torch.ones_like(memory_mask[:, :1]), memory_mask[:, 1:]], 1)
        memory = self.memory(memory)
        hidden = self.dropout(self.positions(self.embed(tokens.clamp_min(0))))
        for block in self.blocks:
            hidden = block(hidden, memory, visible)
        return self.norm(hidden)


class Reverse(nn.Module):
    """One linear layer from x[B, T, D] to logits [B, T, V], without a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.Identity()
        self.linear = nn.Linear(64, 28, bias=False)
        nn.init.normal_(self.linear.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.norm(x))


class Model(nn.Module):
    """The model of `seq2seq`."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7946862923975751782)
        self.encoder = Encoder()
        torch.manual_seed(1767416790774884362)
        self.decoder = Decoder()
        self.heads = nn.ModuleDict()
        torch.manual_seed(37711483681222441)
        self.heads["reverse"] = Reverse()

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        encoder = self.encoder(batch["source"])
        decoder = self.decoder(batch["target"], encoder["output"], encoder["mask"])
        reverse = self.heads["reverse"](decoder)
        return {"reverse": reverse}
