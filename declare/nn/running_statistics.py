"""Running statistics of norms: their tensors, and separate sets for several image sizes.

One set of means and variances cannot describe images of several sizes: weights are shared, statistics are not.
Source: Zhu et al. 2019 (slimmable networks, switchable batch norm), https://arxiv.org/abs/1812.08928.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

_COUNT = "num_batches_tracked"
Place = tuple[dict[str, Tensor | None], str]
"""Where a buffer is: the buffers of a module, and its name there."""


def running_norms(root: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the modules under `root`, with their names, that have running statistics."""
    for name, module in root.named_modules():
        if any(_running(module)):
            yield name, module


def running_statistics(root: nn.Module) -> dict[str, Tensor]:
    """Return the running means and variances under `root` by name."""
    return {
        f"{path}.{name}" if path else name: getattr(module, name)
        for path, module in running_norms(root)
        for name in _running(module)
    }


def norm_buffers(root: nn.Module) -> list[tuple[str, Tensor]]:
    """Return the buffers of norms under `root` with their names: running means, variances, and numbers of batches."""
    return [
        (f"{path}.{name}" if path else name, buffer)
        for path, module in running_norms(root)
        for name in (*_running(module), _COUNT)
        if (buffer := module._buffers.get(name)) is not None  # noqa: SLF001
    ]


def freeze_statistics(root: nn.Module) -> None:
    """Let norms under `root` use their running statistics and leave them as they are.

    Nothing else: dropout in a frozen module still regularises the layers above.
    """
    for _, module in running_norms(root):
        module.eval()


def unshared_norms(root: nn.Module) -> list[str]:
    """Return the names of norms with running statistics other than batch norms, which processes do not share."""
    return [name for name, module in running_norms(root) if not isinstance(module, _BatchNorm)]


def _running(module: nn.Module) -> Iterator[str]:
    """Yield the names of a module's own running means and variances."""
    for name, buffer in module._buffers.items():  # noqa: SLF001
        if buffer is not None and name.startswith("running_") and buffer.is_floating_point():
            yield name


class StatisticsBySize:
    """Running statistics of a model for each of several sizes of its input.

    The model itself holds those of the size `current`: what it is evaluated and saved with. `at(size)` puts those of
    another one in their place for a while. A size that is held for the first time continues from those held before.
    """

    def __init__(self, root: nn.Module, sizes: Sequence[int], current: int) -> None:
        places: dict[str, Place] = {}
        for path, module in running_norms(root):
            for name in (*_running(module), *({_COUNT} & set(module._buffers))):  # noqa: SLF001
                if module._buffers[name] is not None:  # noqa: SLF001
                    places[f"{path}.{name}" if path else name] = (module._buffers, name)  # noqa: SLF001
        self._names = list(places)
        self._places = list(places.values())
        self._own = self._current()
        self._sets = {size: [item.clone() for item in self._own] for size in {*sizes, current}}
        self.current = current
        self._seen_sizes = {current}

    def __len__(self) -> int:
        return len(self._names)

    @property
    def tensors(self) -> list[Tensor]:
        """The statistics of all sizes."""
        return [item for _, item in self.named_tensors()]

    def named_tensors(self) -> list[tuple[str, Tensor]]:
        """Return the statistics of all sizes with their names in the model."""
        sets = [self._own, *self._sets.values()]
        return [pair for buffers in sets for pair in zip(self._names, buffers, strict=True)]

    def of(self, norms: Sequence[str]) -> list[Tensor]:
        """Return the running means and variances of some norms, at all sizes but the current one."""
        starts = tuple(f"{name}." if name else "" for name in norms)
        return [
            item
            for size, buffers in sorted(self._sets.items())
            for name, item in zip(self._names, buffers, strict=True)
            if size != self.current and starts and name.startswith(starts) and item.is_floating_point()
        ]

    @contextmanager
    def at(self, size: int) -> Iterator[None]:
        """While inside, the model uses and moves the statistics of `size`."""
        if size == self.current or not self._places:
            yield
            return
        # Others in their place, not other values: a backward pass may still look at these.
        self._put(self._sets[size])
        try:
            yield
        finally:
            self._put(self._own)

    @torch.no_grad()
    def switch_to(self, size: int) -> bool:
        """Let the model hold the statistics of `size` from now on; return whether it did not before."""
        if size == self.current:
            return False
        _copy(self._sets[self.current], self._own)
        if size in self._seen_sizes:
            _copy(self._own, self._sets[size])
        self.current = size
        self._seen_sizes.add(size)
        return True

    def state_dict(self) -> dict[str, Any]:
        """Return the statistics of all sizes but the one whose the model holds."""
        sets = {
            str(size): dict(zip(self._names, buffers, strict=True))
            for size, buffers in self._sets.items()
            if size != self.current
        }
        return {"held": self.current, "known": sorted(self._seen_sizes), "sets": sets}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over statistics of the same norms and sizes; the model's own come with its weights."""
        current, sets = int(state["held"]), {int(size): buffers for size, buffers in state["sets"].items()}
        if {current, *sets} != set(self._sets):
            raise ValueError(
                f"its sizes are {sorted({current, *sets})}, those of the phase {sorted(self._sets)}"
            )
        for size, buffers in sets.items():
            _copy(self._sets[size], [buffers[name] for name in self._names])
        self.current, self._seen_sizes = current, {int(size) for size in state["known"]}

    def _current(self) -> list[Tensor]:
        tensors = [buffers[name] for buffers, name in self._places]
        return [item for item in tensors if item is not None]

    def _put(self, tensors: Sequence[Tensor]) -> None:
        for (buffers, name), tensor in zip(self._places, tensors, strict=True):
            buffers[name] = tensor


class StepStatistics:
    """Lets running statistics move once a step, however many micro-batches it is cut into.

    Each micro-batch starts from what the step began with, and its change is weighted by its rows: the running
    means are those of the whole batch at once. (Variances are the mean of those inside micro-batches, by which
    training normalises.)
    """

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self._tensors = list(tensors)
        self._before: list[Tensor] = []
        self._changes: list[Tensor] = []

    def __len__(self) -> int:
        return len(self._tensors)

    def start_step(self) -> None:
        """Remember what the step begins with."""
        self._before = [item.clone() for item in self._tensors]
        self._changes = [torch.zeros_like(item) for item in self._tensors]

    @torch.no_grad()
    def add_micro_batch(self, shares: Sequence[float]) -> None:
        """Record what a micro-batch has changed, and undo it; `shares` are its fractions of each tensor's rows."""
        pairs = zip(self._tensors, self._before, self._changes, shares, strict=True)
        for item, start_value, change, share in pairs:
            if item.is_floating_point():
                change.add_(item - start_value, alpha=share)
            else:
                torch.maximum(change, item - start_value, out=change)
            item.copy_(start_value)

    @torch.no_grad()
    def finish_step(self) -> None:
        """Make the changes of all micro-batches."""
        for item, change in zip(self._tensors, self._changes, strict=True):
            item.add_(change)


def _copy(to: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    for place, value in zip(to, values, strict=True):
        place.copy_(value)
