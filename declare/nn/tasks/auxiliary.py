"""A module's own loss output. Shapes: B batch."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Auxiliary:
    """Takes a loss [B] for each sample; there is no target."""

    module: nn.Module | None = None

    def target(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return zeros [B]: as many as there are samples."""
        first = next(iter(batch.values()))
        return first.new_zeros(len(first))

    def scores(self, output: Tensor, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return costs [B] and zeros [B]."""
        return output, self.target(batch)

    def predict(self, output: Tensor) -> dict[str, Tensor]:
        """Return `cost` [B]: what each sample costs."""
        return {"cost": output}

    def baseline_prediction(
        self, output: Tensor, batch: Mapping[str, Tensor], generator: torch.Generator
    ) -> Tensor | None:
        """Return None: a cost [B] has no target."""
        return None
