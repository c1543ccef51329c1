"""From features back to a field. Shapes: B batch, P positions, D features, C channels, T time, H height, W width."""

from math import prod

from torch import Tensor, nn


class Decoder(nn.Module):
    """Each position of x[B, P, D] gives a part of the output; x[B, D] gives it whole.

    `part` is the shape of a part and `size` that of the output: [C, T], [C, H, W], [T, D] or [D]. Parts follow each
    other in time, or row by row; values beyond the end are cut.
    """

    def __init__(
        self, features: int, part: tuple[int, ...], size: tuple[int, ...], *, hidden: int | None = None
    ) -> None:
        super().__init__()
        self.part, self.size = part, size
        self.sequence = len(size) == 2 and size[1] == part[1] and size[0] != part[0]
        layers: list[nn.Module] = [nn.Linear(features, hidden), nn.GELU()] if hidden else []
        self.layers = nn.Sequential(*layers, nn.Linear(hidden or features, prod(part)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the field [B, ...], of the given size."""
        values = self.layers(x).unflatten(-1, self.part)
        if x.dim() == 2:
            return values
        if len(self.part) == 3:
            rows, edge = self.size[1] // self.part[1], self.part[1]
            grid = values.unflatten(1, (rows, -1))
            return grid.permute(0, 3, 1, 4, 2, 5).reshape(len(x), self.size[0], rows * edge, -1)
        if self.sequence:
            return values.flatten(1, 2)[:, : self.size[0]]
        return values.transpose(1, 2).flatten(2)[:, :, : self.size[1]]
