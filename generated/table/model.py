"""The model of `table`."""

import torch
from torch import Tensor, nn


class Row(nn.Module):
    """Embeds categories, marks missing numbers, and mixes all columns with one linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList([nn.Embedding(5, 2)])
        self.mix = nn.Linear(6, 64)
        self.activation = nn.ReLU()
        self.dropout = nn.Identity()

    def forward(self, inputs_0: Tensor, inputs_1: Tensor, inputs_2: Tensor) -> Tensor:
        embeddings = iter(self.embeddings)
        parts = []
        values = inputs_0.unsqueeze(-1)
        missing = values.isnan()
        parts += [torch.where(missing, 0.0, values), missing.to(values.dtype)]
        values = inputs_1.unsqueeze(-1)
        missing = values.isnan()
        parts += [torch.where(missing, 0.0, values), missing.to(values.dtype)]
        parts.append(next(embeddings)(inputs_2.long() + 1))
        return self.dropout(self.activation(self.mix(torch.cat(parts, -1))))


class Encoder(nn.Sequential):
    """Linear layers, each followed by norm, activation and dropout (the last one too)."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        features = torch.cat([x], -1)
        return super().forward(features)


def shape_output(values: Tensor) -> Tensor:
    """Return values [..., F] as [..., *output]."""
    return values.reshape(*values.shape[:-1])


class Price(nn.Linear):
    """A linear layer whose output is shaped as the target."""

    def __init__(self) -> None:
        super().__init__(128, 1)

    def forward(self, x: Tensor) -> Tensor:
        return shape_output(super().forward(torch.cat([x], -1)))


class Model(nn.Module):
    """The model of `table`."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3644141835610451107)
        self.row = Row()
        torch.manual_seed(7946862923975751782)
        self.encoder = Encoder()
        self.heads = nn.ModuleDict()
        torch.manual_seed(2371239902578410654)
        self.heads["price"] = Price()

    def forward(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the output of the head of each task [B, ...]."""
        row = self.row(batch["income"], batch["rooms"], batch["region"])
        encoder = self.encoder(row)
        price = self.heads["price"](encoder)
        return {"price": price}
