"""An exponential moving average of the weights."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from declare.ir.ema_decay import decay_at
from declare.nn.distributed.dtensor import is_sharded, local_tensor
from declare.nn.running_statistics import running_statistics


class EMA:
    """Averages a graph's weights and norm statistics: average <- decay * average + (1 - decay) * values of a step.

    With `warmup` the decay starts low, (1 + n) / (10 + n) at update n, so that a short phase does not evaluate its
    initial weights. Running means and variances of norms are averaged as the weights are: those of the latest weights
    are not those of their average. They always warm up after a change of the input's size, and if those at the
    start are `new_statistics`, of other data or another size. Other buffers are not averaged.
    """

    def __init__(
        self, graph: nn.Module, decay: float = 0.999, *, warmup: bool = True, new_statistics: bool = False
    ) -> None:
        self._decay, self._warmup, self._new_statistics = decay, warmup, new_statistics
        parameters = {name: item for name, item in graph.named_parameters() if item.is_floating_point()}
        self._names = list(parameters)
        self._parameters: list[torch.Tensor] = list(parameters.values())
        self._shadow = [item.detach().clone() for item in self._parameters]
        self._updates = 0
        statistics = running_statistics(graph)
        self._statistics_names, self._statistics = list(statistics), list(statistics.values())
        self._statistics_shadow = [item.clone() for item in self._statistics]
        self._statistics_updates = 0

    @torch.no_grad()
    def update(self) -> None:
        """Add the current weights."""
        decay = decay_at(self._updates, self._decay, warmup=self._warmup)
        torch._foreach_lerp_(_local_shards(self._shadow), _local_shards(self._parameters), 1 - decay)
        if self._statistics:
            restarted = self._new_statistics or self._statistics_updates < self._updates
            decay = decay_at(self._statistics_updates, self._decay, warmup=self._warmup or restarted)
            torch._foreach_lerp_(self._statistics_shadow, self._statistics, 1 - decay)
            self._statistics_updates += 1
        self._updates += 1

    @torch.no_grad()
    def restart_statistics(self) -> None:
        """Restart the average of norm statistics, since they are now those of another size of the input."""
        self._statistics_updates = 0
        for shadow, item in zip(self._statistics_shadow, self._statistics, strict=True):
            shadow.copy_(item)

    @contextmanager
    def average_parameters(self) -> Iterator[None]:
        """While inside, the graph holds the averaged weights."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def state_dict(self) -> dict[str, Any]:
        """Return the average: the number of updates, weights and norm statistics by name."""
        return {
            "updates": self._updates,
            "weights": dict(zip(self._names, self._shadow, strict=True)),
            "statistics_updates": self._statistics_updates,
            "statistics": dict(zip(self._statistics_names, self._statistics_shadow, strict=True)),
        }

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over an average of the same parameters."""
        self._updates = int(state["updates"])
        for name, shadow in zip(self._names, self._shadow, strict=True):
            shadow.copy_(state["weights"][name])
        self._statistics_updates = int(state["statistics_updates"])
        for name, shadow in zip(self._statistics_names, self._statistics_shadow, strict=True):
            shadow.copy_(state["statistics"][name])

    @torch.no_grad()
    def _swap(self) -> None:
        # Values, not storages: optimizers and wrappers hold on to the parameters' own memory.
        parameters = [*_local_shards(self._parameters), *self._statistics]
        shadow = [*_local_shards(self._shadow), *self._statistics_shadow]
        copies = [item.clone() for item in parameters]
        torch._foreach_copy_(parameters, shadow)
        torch._foreach_copy_(shadow, copies)


def _local_shards(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    """Return this process's shards of sharded tensors."""
    return [local_tensor(item) if is_sharded(item) else item for item in tensors]
