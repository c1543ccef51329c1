"""A recurrent network over time. Shapes: B batch, C channels, T time, D features of the state."""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from declare.nn.modules import padding

_CELLS: dict[str, type[nn.LSTM] | type[nn.GRU]] = {"lstm": nn.LSTM, "gru": nn.GRU}


class RNN(nn.Module):
    """Layers of LSTM or GRU cells.

    Input x[B, T, C], or [B, C, T] if `channels_first`. Output `sequence` [B, T, D], the last layer's
    state at every step, and `output` [B, D]: its mean over time, or its last state (of the backward
    direction: its last state too, at the first step). Dropout acts between layers and on the outputs. If
    `lengths` [B] are given, each sample is read to its own end, and backwards from there.
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

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        """Return `sequence` [B, T, D], the state at every step, and `output` [B, D], one vector for all."""
        x_BTC = x.transpose(1, 2) if self.channels_first else x
        states = self.rnn(x_BTC)[0] if lengths is None else self._read(x_BTC, lengths)
        sequence_BTD: Tensor = self.dropout(states)
        if self.pool == "mean":
            mean = sequence_BTD.mean(1) if lengths is None else padding.mean_over(sequence_BTD, lengths, 1)
            return {"output": mean, "sequence": sequence_BTD}
        forward_BD, backward_BD = sequence_BTD[:, -1, : self.dim], sequence_BTD[:, 0, self.dim :]
        if lengths is not None:
            rows = torch.arange(len(x), device=x.device)
            forward_BD = sequence_BTD[rows, lengths - 1, : self.dim]
        return {"output": torch.cat([forward_BD, backward_BD], -1), "sequence": sequence_BTD}

    def _read(self, x_BTC: Tensor, lengths: Tensor) -> Tensor:
        """Return the states of samples of different lengths."""
        if not self.rnn.bidirectional:  # padding comes last, and nothing is read before its turn
            return self.rnn(x_BTC)[0]
        packed_sequence = pack_padded_sequence(x_BTC, lengths.cpu(), batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(
            self.rnn(packed_sequence)[0], batch_first=True, total_length=x_BTC.shape[1]
        )[0]
