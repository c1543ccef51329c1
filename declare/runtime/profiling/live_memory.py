"""Bytes of tensors that are alive, and FLOPs, by part of a step and by module: a ledger of every operation."""

import weakref
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

_FROM_OUTSIDE = torch.ops.aten.lift_fresh.default
"""Takes over memory that was there before: samples that are held whole."""
OUTSIDE = ""
"""The module of what no module of the graph computes: losses, the optimizer."""


@dataclass(slots=True)
class _Storage:
    """A storage: its bytes, who made it, and from when to when it was alive (None: still)."""

    size: int
    part: str
    module: str
    born: int
    died: int | None = None


@dataclass(frozen=True)
class Peak:
    """The most bytes that were alive at once, and what they were: (part, module) -> bytes."""

    size: int
    sizes: Mapping[tuple[str, str], int]

    def of_part(self, part: str) -> int:
        """Return the bytes of a part, over all modules."""
        return sum(size for (name, _), size in self.sizes.items() if name == part)


class LiveMemory(TorchDispatchMode):
    """Counts storages that operations make while it is active, and those of `add`.

    Storages are counted once, however many tensors share them, until the last one is gone: that is what an allocator
    hands out, without the space that kernels take for themselves. What is only read, as samples that are held whole
    are, does not count. `part` and `module` name who is at work; in a backward pass the module is that of the forward
    operation. Works with real tensors, with those of the meta device and with fake ones.
    """

    def __init__(self) -> None:
        super().__init__()
        self.part = "other"
        self.flops: Counter[tuple[str, str]] = Counter()
        self._module = OUTSIDE
        self._storages: list[_Storage] = []
        self._alive: dict[int, tuple[Any, _Storage]] = {}
        self._now = self._size = 0
        self._peak, self._peak_at = 0, 0
        self._spans: list[tuple[int, int, str]] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run an operation and enter what it made."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        for item in tree_leaves(result) if func is not _FROM_OUTSIDE else ():
            if isinstance(item, Tensor):
                self._enter(item, self.part, self._current_module)
        if flops := _flops(func, args, kwargs, result):
            self.flops[self.part, self._current_module()] += flops
        return result

    def add(self, part: str, tensors: Iterable[Tensor], module: str = OUTSIDE) -> None:
        """Count tensors as those of a part, whoever made them."""
        for item in tensors:
            storage = self._enter(item, part, lambda: module)
            storage.part, storage.module = part, module

    def watch(self) -> None:
        """Forget the peak so far."""
        self._storages = [item for _, item in self._alive.values()]
        self._peak, self._peak_at = self._size, self._now

    @property
    def peak(self) -> Peak:
        """Return the peak since `watch`, by the parts that storages count as now."""
        sizes: dict[tuple[str, str], int] = defaultdict(int)
        for item in self._storages:
            if item.born <= self._peak_at and (item.died is None or item.died > self._peak_at):
                sizes[item.part, item.module] += item.size
        return Peak(self._peak, dict(sizes))

    @contextmanager
    def during(self, part: str) -> Iterator[None]:
        """Name the part that is at work."""
        before, self.part = self.part, part
        try:
            yield
        finally:
            self.part = before

    @contextmanager
    def modules(self, modules: Mapping[str, nn.Module]) -> Iterator[None]:
        """Name modules at work by their paths; those inside others are counted with these."""
        handles = [
            handle
            for path, module in modules.items()
            for handle in (
                module.register_forward_pre_hook(self._start_hook(path)),
                module.register_forward_hook(self._stop_hook(path), always_call=True),
            )
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _start_hook(self, path: str) -> Callable[..., None]:
        def start(*_: Any) -> None:
            self._module = path
            self._start = _sequence_number()

        return start

    def _stop_hook(self, path: str) -> Callable[..., None]:
        def stop(*_: Any) -> None:
            self._spans.append((self._start, _sequence_number(), path))
            self._module = OUTSIDE

        return stop

    def forget_graph(self) -> None:
        """Forget the forward operations, whose backward pass is over."""
        self._spans.clear()

    def _current_module(self) -> str:
        """Return the module at work: in a backward pass that of the forward operation."""
        node = torch._C._current_autograd_node()  # noqa: SLF001
        if node is None:
            return self._module
        number = node._sequence_nr()  # noqa: SLF001
        return next((path for first, last, path in reversed(self._spans) if first <= number < last), OUTSIDE)

    def _enter(self, tensor: Tensor, part: str, module: Callable[[], str]) -> _Storage:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()  # noqa: SLF001
        known = self._alive.get(key)
        if known is None:
            self._now += 1
            entry = _Storage(0, part, module(), self._now)
            reference = weakref.ref(storage, lambda _: self._free(key, entry))
            self._alive[key] = (reference, entry)
            self._storages.append(entry)
        else:
            entry = known[1]
        if entry.size != size:
            self._size += size - entry.size
            entry.size = size
            if self._size > self._peak:
                self._peak, self._peak_at = self._size, self._now
        return entry

    def _free(self, key: int, entry: _Storage) -> None:
        self._now += 1
        entry.died = self._now
        self._size -= entry.size
        if (known := self._alive.get(key)) is not None and known[1] is entry:
            del self._alive[key]


def _flops(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> int:
    """Return the FLOPs of an operation by torch's own formulas."""
    if func is torch.ops.aten.convolution_backward.default:
        return _convolution_backward_flops(*args)
    count = flop_registry.get(func._overloadpacket)  # noqa: SLF001
    return int(count(*args, **kwargs, out_val=result)) if count is not None else 0


def _convolution_backward_flops(*args: Any) -> int:
    """Return the FLOPs of the gradients of input and weight: each takes as many as the convolution.

    torch's formula counts that of the weight `groups` times too often.
    """
    gradient, x, weight, is_transposed, wanted = (args[index] for index in (0, 1, 2, 7, 10))
    positions = (x if is_transposed else gradient).shape
    return int(2 * positions[0] * positions[2:].numel() * weight.numel() * (wanted[0] + wanted[1]))


def _sequence_number() -> int:
    """Return the number of the next operation that autograd records."""
    number: int = torch._C._autograd._get_sequence_nr()  # noqa: SLF001
    return number
