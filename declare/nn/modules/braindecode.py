"""A model of braindecode. Shapes: B batch, C channels, L steps, F features."""

import warnings
from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


class Braindecode(nn.Module):
    """A model of braindecode from a series [B, C, L] to as many numbers [B, F] as its last layer is asked for.

    Source: Schirrmeister et al. 2017, https://arxiv.org/abs/1703.05051.
    """

    def __init__(
        self, name: str, channels: int, length: int, features: int, config: Mapping[str, Any]
    ) -> None:
        super().__init__()
        make = getattr(_models(), name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of defaults that were not stated
            self.model = make(n_chans=channels, n_times=length, n_outputs=features, **config)

    def forward(self, x: Tensor) -> Tensor:
        """Return the numbers [B, F]."""
        features: Tensor = self.model(x)
        # Models for crops keep an axis of time, of length 1 if the input has the length that they were built for.
        return features.flatten(1) if features.dim() == 2 else features.flatten(2).mean(2)


def model_names() -> list[str]:
    """Return the names of all models."""
    return sorted(
        name
        for name, item in vars(_models()).items()
        if isinstance(item, type) and issubclass(item, nn.Module) and not name.startswith("_")
    )


def _models() -> Any:
    # On import the library warns of what will change in those that it uses: nothing that a user could mend.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from braindecode import models
    return models
