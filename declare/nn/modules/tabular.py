"""Rows of a table: numbers and categories, gaps included. Shapes: B batch, F features."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from declare.nn.modules.activation_functions import ACTIVATIONS


class Tabular(nn.Module):
    """Embeds categories, marks missing numbers, and mixes all columns with one linear layer.

    Inputs, one per column: numbers [B], vectors [B, F_k] (NaN where missing: read as 0 beside an indicator
    of 1), and categories [B] (class index, -1 where missing: its own embedding). Output [B, width].

    Args:
        columns: in the order of the inputs, (features, 0) if numeric, (embedding width, classes) else.
        width: features of the output.
        activation: applied after the linear layer.
        dropout: applied last.
    """

    def __init__(
        self,
        columns: Sequence[tuple[int, int]],
        width: int,
        *,
        activation: str = "relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.columns = [tuple(column) for column in columns]
        embeddings = [nn.Embedding(classes + 1, size) for size, classes in self.columns if classes]
        self.embeddings = nn.ModuleList(embeddings)
        joined = sum(size if classes else 2 * size for size, classes in self.columns)
        self.mix = nn.Linear(joined, width)
        self.activation = ACTIVATIONS[activation]()
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return one vector per row [B, width]."""
        embeddings = iter(self.embeddings)
        parts: list[Tensor] = []
        for (_, classes), column in zip(self.columns, inputs, strict=True):
            if classes:
                # Row 0 stands for the missing value, which is encoded as -1.
                parts.append(next(embeddings)(column.long() + 1))
                continue
            values = column.unsqueeze(-1) if column.dim() == 1 else column
            missing = values.isnan()
            parts += [torch.where(missing, 0.0, values), missing.to(values.dtype)]
        return self.dropout(self.activation(self.mix(torch.cat(parts, -1))))
