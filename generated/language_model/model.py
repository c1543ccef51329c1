"""The model of `language_model`."""

import torch
from torch import Tensor, nn
from torch.nn import functional


def rotary(x: Tensor) -> Tensor:
    """Turn pairs of features of x[B, H, T, K] by angles that grow with the position. Source: Su et al. 2021."""
    half = x.shape[-1] // 2
    rates = 10000.0 ** (-torch.arange(half, device=x.device, dtype=torch.float32) / half)
    angles = torch.arange(x.shape[-2], device=x.device, dtype=torch.float32)[:, None] * rates
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    first, second = x[..., :half], x[..., half:]
    return torch.cat([first * cos - second * sin, first * sin + second * cos], -1).contiguous()


class Attention(nn.Module):
    """Multi-head attention of x[B, T, D] to itself, or to a memory [B, S, D]."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(128, 128)
        self.key = nn.Linear(128, 128)
        self.value = nn.Linear(128, 128)
        self.out = nn.Linear(128, 128)

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


class Block(nn.Module):
    """Attention and a feed-forward layer, each after a norm and added to its input (pre-norm)."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(128)
        self.attention = Attention()
        self.feedforward_norm = nn.LayerNorm(128)
        self.feedforward = nn.Sequential(nn.Linear(128, 512), nn.GELU(), nn.Linear(512, 128), nn.Dropout(0.0))
        self.dropout = nn.Dropout(0.0)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.norm(x)))
        return x + self.feedforward(self.feedforward_norm(x))


class Decoder(nn.Module):
    """Blocks of self-attention over tokens, a sequence, a series or the patches of an image."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(480, 128)
        self.positions = nn.Identity()
        self.dropout = nn.Dropout(0.0)
        self.blocks = nn.ModuleList(Block() for _ in range(4))
        self.norm = nn.LayerNorm(128)

    def forward(self, x: Tensor) -> Tensor:
        embedded = self.embed(x.clamp_min(0))
        hidden = self.dropout(self.positions(embedded))
        for block in self.blocks:
            hidden = block(hidden)
        return self.norm(hidden)


class Next(nn.Module):
    """One linear layer from x[B, T, D] to logits [B, T, V], without a bias."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.Identity()
        self.linear = nn.Linear(128, 480, bias=False)
        nn.init.normal_(self.linear.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.norm(x))


class Model(nn.Module):
    """The model of `language_model`."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1767416790774884362)
        self.decoder = Decoder()
        self.heads = nn.ModuleDict()
        torch.manual_seed(6089838068874828708)
        self.heads["next"] = Next()

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        decoder = self.decoder(batch["text"])
        next_2 = self.heads["next"](decoder)
        return {"next": next_2}
