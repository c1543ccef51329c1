"""A recurrent network over time. Shapes: B batch, C channels, T time, D features of the state."""

import torch
from torch import Tensor, nn

_CELLS: dict[str, type[nn.LSTM] | type[nn.GRU]] = {"lstm": nn.LSTM, "gru": nn.GRU}


class RNN(nn.Module):
    """Layers of LSTM or GRU cells.

    Input x[B, T, C], or [B, C, T] where `channels_first`. Output `sequence` [B, T, D], the last layer's
    state at every step, and `output` [B, D]: its mean over time, or its last state (of the backward
    direction: its last state too, at the first step). Dropout acts between layers and on the outputs.
    """

    def __init__(
        self,
        features: int,
        dim: int,
        *,
        cell: str = "lstm",
        depth: int = 1,
        bidirectional: bool = False,
        pool: str = "last",
        dropout: float = 0.0,
        channels_first: bool = False,
    ) -> None:
        super().__init__()
        between = dropout if depth > 1 else 0.0
        self.rnn = _CELLS[cell](
            features, dim, num_layers=depth, bidirectional=bidirectional, dropout=between, batch_first=True
        )
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.dim = dim
        self.pool = pool
        self.channels_first = channels_first

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        """Return the state at every step and one vector for all."""
        sequence_BTD: Tensor = self.dropout(self.rnn(x.transpose(1, 2) if self.channels_first else x)[0])
        if self.pool == "mean":
            return {"output": sequence_BTD.mean(1), "sequence": sequence_BTD}
        forward_BD, backward_BD = sequence_BTD[:, -1, : self.dim], sequence_BTD[:, 0, self.dim :]
        return {"output": torch.cat([forward_BD, backward_BD], -1), "sequence": sequence_BTD}
