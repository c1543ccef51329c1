"""A transformer that writes while it reads a memory. Shapes: B batch, T positions, S memory positions, D features."""

from torch import Tensor, nn

from declare.nn.modules.attention import Block, Positions, masked_mean, nonempty_mask
from declare.nn.modules.padding import real_steps


class TransformerDecoder(nn.Module):
    """Blocks of causal self-attention over ids [B, T] (below 0: padding) and attention to a memory [B, S, F].

    A third input [B, S] states which positions of the memory are real, or `lengths` [B] how many each has. Output
    `output` [B, T, D], `pooled` [B, D] and `mask` [B, T]. Position t sees ids up to t alone. Source: Vaswani et al.
    2017.
    """

    def __init__(
        self,
        classes: int,
        features: int,
        dim: int,
        *,
        depth: int = 4,
        heads: int = 4,
        hidden: int | None = None,
        positions: str = "rotary",
        length: int = 0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embed = nn.Embedding(classes, dim)
        self.memory = nn.Identity() if features == dim else nn.Linear(features, dim)
        self.positions = Positions(length, dim) if positions == "learned" else nn.Identity()
        self.rotate = positions == "rotary"
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(
            Block(dim, heads, hidden or 4 * dim, dropout=dropout, causal=True, cross=True)
            for _ in range(depth)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(
        self,
        tokens: Tensor,
        memory: Tensor,
        memory_mask: Tensor | None = None,
        lengths: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return `output` [B, T, D], its mean `pooled` [B, D], and `mask` [B, T] of real positions."""
        if memory_mask is None and lengths is not None:
            memory_mask = real_steps(lengths, memory.shape[1])
        mask = tokens >= 0
        visible = None if memory_mask is None else nonempty_mask(memory_mask)
        memory = self.memory(memory)
        hidden = self.dropout(self.positions(self.embed(tokens.clamp_min(0))))
        for block in self.blocks:
            hidden = block(hidden, None, memory, visible, rotate=self.rotate)
        hidden = self.norm(hidden)
        return {"output": hidden, "pooled": masked_mean(hidden, mask), "mask": mask}
