"""An exponential moving average of the weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from declare.nn.distributed.shards import is_sharded, own


class Average:
    """Averages a graph's parameters: shadow <- decay * shadow + (1 - decay) * weights after each step.

    The decay starts low, (1 + n) / (10 + n) at update n, so that a short phase does not evaluate its
    initial weights. Buffers (norm statistics) are not averaged: they are moving averages themselves.
    """

    def __init__(self, graph: nn.Module, decay: float = 0.999) -> None:
        self._decay = decay
        named = {name: item for name, item in graph.named_parameters() if item.is_floating_point()}
        self._names = list(named)
        self._parameters: list[torch.Tensor] = list(named.values())
        self._shadow = [item.detach().clone() for item in self._parameters]
        self._updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they stand."""
        decay = min(self._decay, (1 + self._updates) / (10 + self._updates))
        self._updates += 1
        torch._foreach_lerp_(_own(self._shadow), _own(self._parameters), 1 - decay)

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """While inside, the graph holds the averaged weights."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def state_dict(self) -> dict[str, Any]:
        """Return the average: the number of updates, and weights by name."""
        return {"updates": self._updates, "weights": dict(zip(self._names, self._shadow, strict=True))}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over an average of the same parameters."""
        self._updates = int(state["updates"])
        for name, shadow in zip(self._names, self._shadow, strict=True):
            shadow.copy_(state["weights"][name])

    @torch.no_grad()
    def _swap(self) -> None:
        # Values, not storages: optimizers and wrappers hold on to the parameters' own memory.
        parameters, shadow = _own(self._parameters), _own(self._shadow)
        kept = [item.clone() for item in parameters]
        torch._foreach_copy_(parameters, shadow)
        torch._foreach_copy_(shadow, kept)


def _own(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    """Return this process's shares of tensors where it holds no more."""
    return [own(item) if is_sharded(item) else item for item in tensors]
