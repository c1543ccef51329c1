"""A transformer over patches of a series. Shapes: B batch, C channels, L steps, P patches, D features, W window."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from declare.nn.modules.attention import Block, Positions, masked_mean, nonempty_mask
from declare.nn.modules.padding import fill_padding, real_steps


class SeriesPatch(nn.Module):
    """Patches of x[B, C, L], each by its samples and its log spectrum, in blocks of self-attention.

    Output `output` [B, P, D] and `pooled` [B, D]. `window` steps about a patch give its spectrum (0: none).
    If `lengths` [B] are given, a sample has as many patches as are whole, and zeros follow its end.
    """

    def __init__(
        self,
        size: tuple[int, int],
        dim: int,
        *,
        patch: int,
        depth: int,
        heads: int,
        hidden: int | None = None,
        window: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        channels, length = size
        self.patch = patch
        self.count = length // patch
        self.embed = nn.Conv1d(channels, dim, patch, stride=patch)
        self.spectrum = Spectrum(channels, dim, patch, window) if window else None
        self.positions = Positions(self.count, dim)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            Block(dim, heads, hidden or 4 * dim, dropout=dropout) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """Return `output` [B, P, D] and its mean `pooled` [B, D]."""
        x = x[..., : self.count * self.patch]
        mask = None if lengths is None else real_steps(lengths // self.patch, x.shape[-1] // self.patch)
        if lengths is not None:
            x = fill_padding(x, lengths)
        hidden = self.embed(x).transpose(1, 2)
        if self.spectrum is not None:
            hidden = hidden + self.spectrum(x)
        hidden = self.dropout(self.positions(hidden))
        visible = None if mask is None else nonempty_mask(mask)
        for block in self.blocks:
            hidden = block(hidden, visible)
        hidden = self.norm(hidden)
        return {"output": hidden, "pooled": masked_mean(hidden, mask)}


class Spectrum(nn.Module):
    """Log power about each patch of x[B, C, L] under a Hann window, normalised and mapped to [B, P, D]."""

    taper: Tensor

    def __init__(self, channels: int, dim: int, patch: int, window: int) -> None:
        super().__init__()
        self.patch = patch
        self.window = window
        self.register_buffer("taper", torch.hann_window(window), persistent=False)
        width = channels * (window // 2 + 1)
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features [B, P, D] of every patch."""
        left_padding = (self.window - self.patch) // 2
        padded = functional.pad(x.float(), (left_padding, self.window - self.patch - left_padding))
        windows_BCPW = padded.unfold(-1, self.window, self.patch) * self.taper
        power_BCPF = torch.view_as_real(torch.fft.rfft(windows_BCPW)).square().sum(-1)
        log_BPW = power_BCPF.add(0.1).log().transpose(1, 2).flatten(2)
        return self.project(self.norm(log_BPW))
