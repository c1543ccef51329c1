"""A random transform whose draws are keyed by sample."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Keyed(nn.Module):
    """Apply a transform to each sample with a generator state of its own. Input x[B, C, H, W], output alike.

    The draws of a sample depend on its key alone, neither on the batch that it stands in nor on other draws;
    the global generator is left as it was.

    Args:
        transform: maps a picture [C, H, W] to one; draws from torch's global generator of the processor.
        random: whether it draws at all; if not, the batch is transformed as one.
    """

    def __init__(self, transform: nn.Module, *, random: bool) -> None:
        super().__init__()
        self.transform = transform
        self.random = random

    def forward(self, values: Tensor, keys: Any) -> Tensor:
        """Return the batch transformed; `keys` holds one unsigned 64-bit number for each sample."""
        if not self.random:
            changed: Tensor = self.transform(values)
            return changed
        with torch.random.fork_rng(devices=[]):
            samples = []
            for value, key in zip(values, keys.tolist(), strict=True):
                # The generator's own seeding: torch.manual_seed would visit every device each time.
                torch.default_generator.manual_seed(key & 0x7FFFFFFFFFFFFFFF)
                samples.append(self.transform(value))
            return torch.stack(samples)
