"""The model of `text_classifier`."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Positions(nn.Module):
    """Adds a learned vector for each of `length` positions to x[B, T, D]; later ones use the last vector."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(128, 64))

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

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        q_BHTK, k_BHSK, v_BHSK = (
            layer(values).unflatten(-1, (4, -1)).transpose(1, 2)
            for layer, values in ((self.query, x), (self.key, x), (self.value, x))
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
        x = x + self.dropout(self.attention(self.norm(x), mask))
        return x + self.feedforward(self.feedforward_norm(x))


def masked_mean(x: Tensor, mask: Tensor | None) -> Tensor:
    """Return the mean [B, D] of x[B, T, D] over the positions that `mask` [B, T] shows."""
    weight = mask.to(x.dtype)
    return (x * weight.unsqueeze(-1)).sum(1) / weight.sum(1, keepdim=True).clamp_min(1)


class Encoder(nn.Module):
    """Blocks of self-attention over tokens, a sequence, a series or the patches of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(166, 64)
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
        return {"output": hidden, "pooled": masked_mean(hidden, mask)}


class Mlm(nn.Module):
    """One linear layer from x[B, T, D] to logits [B, T, V], without a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.Identity()
        self.linear = nn.Linear(64, 166, bias=False)
        nn.init.normal_(self.linear.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.norm(x))


class Mood(nn.Linear):
    """A linear layer whose output is shaped as the target."""

    def __init__(self) -> None:
        super().__init__(64, 2)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(torch.cat([x], -1))


class Model(nn.Module):
    """The model of `text_classifier`."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(7946862923975751782)
        self.encoder = Encoder()
        self.heads = nn.ModuleDict()
        torch.manual_seed(735505832845576615)
        self.heads["mlm"] = Mlm()
        torch.manual_seed(1044719414315627721)
        self.heads["mood"] = Mood()

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        encoder = self.encoder(batch["text"])
        mlm = self.heads["mlm"](encoder["output"])
        return {"mlm": mlm}

    def forward_fit(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        encoder = self.encoder(batch["text"])
        mood = self.heads["mood"](encoder["pooled"])
        return {"mood": mood}
