"""The processes that train one model together, and what they tell each other.

`ProcessGroup` is one process alone: everything that it says comes back as it is. `TorchProcessGroup` speaks through
torch.distributed. Whoever takes a `ProcessGroup` needs no branch for either.
"""

from __future__ import annotations

import contextlib
import pickle
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import count
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch import distributed as dist

Value = TypeVar("Value")
_FAILURE = "declare/failure"
_PATIENCE_SECONDS = 5.0
_numbers = count()
"""Groups that this process has joined; every process of a group joins the same ones."""
_LOST = (
    "broken pipe",
    "communicator was aborted",
    "connectfullmesh",
    "connection closed by peer",
    "connection refused",
    "connection reset by peer",
    "gloo/transport",
    "pair closure",
    "read timeout",
    "remote process exited",
    "unhandled system error",
    "watchdog",
)
"""What gloo and NCCL say when the other end is silent; all else that they say is about what was asked of them."""


class ProcessGroup:
    """One process alone."""

    rank = 0
    size = 1
    local_rank = 0
    local_size = 1
    """Processes on this machine."""

    beat: Callable[[int], None] | None = None
    """Told every step, where somebody watches over this process."""
    is_apart = False
    """Whether this process computes something by itself while the others wait."""

    agrees = False
    """Whether all processes have come to the same end."""

    @contextlib.contextmanager
    def apart(self) -> Iterator[None]:
        """While inside, this process computes by itself: layers and losses ask nobody."""
        self.is_apart, before = True, self.is_apart
        try:
            yield
        finally:
            self.is_apart = before

    @property
    def leads(self) -> bool:
        """Whether this is the process that writes files and speaks to the user."""
        return self.rank == 0

    def sum(self, value: Tensor) -> Tensor:
        """Return the sum of `value` over processes; the same bits in each of them."""
        return value

    def every(self, value: Tensor) -> list[Tensor]:
        """Return the `value` of every process, all of one shape, by rank."""
        return [value]

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of `value` over processes."""
        return value

    def any(self, flag: bool) -> bool:
        """Return whether the flag is up in some process."""
        return flag

    def least(self, *numbers: int) -> list[int]:
        """Return the smallest of each number over processes."""
        return [*numbers]

    def gathered(self, value: Value) -> list[Value]:
        """Return what every process gave, by rank."""
        return [value]

    def decided(self, make: Callable[[], Value]) -> Value:
        """Return what `make` gives in the leading process, in all of them; what it raises is raised in all."""
        return make()

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Put the mean over processes in the place of each tensor."""

    @contextlib.contextmanager
    def one_by_one(self) -> Iterator[None]:
        """Let one process of each machine go first, then the others: it fills what they find."""
        yield

    def note_failure(self, text: str) -> None:
        """Leave word of why this process ends, for the others."""

    def failure(self) -> str | None:
        """Return the word that another process left before it ended."""
        return None

    def is_lost(self, error: BaseException) -> bool:
        """Whether an error only says that another process has gone."""
        return False

    def leave(self) -> None:
        """Take leave of the others; nothing may be said after it."""


ALONE = ProcessGroup()


def fill_missing_gradients(
    gradients: Sequence[Tensor | None], parameters: Sequence[Tensor], world: ProcessGroup
) -> list[Tensor | None]:
    """Return the gradients of parameters, zeros where only other processes have one: all then send the same.

    A module that leaves parts of itself out at random does not leave out the same in each process.
    """
    if world.size == 1 or not parameters:
        return list(gradients)
    there = world.sum(torch.tensor([int(item is not None) for item in gradients])).tolist()
    return [
        torch.zeros_like(parameter) if item is None and count else item
        for item, parameter, count in zip(gradients, parameters, there, strict=True)
    ]


def _store() -> Any:
    """Return where processes leave words for each other."""
    return dist.distributed_c10d._get_default_store()  # noqa: SLF001 - torch has no public way to it


def _portable(error: Exception) -> Exception:
    """Return an error that another process can be given."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - whatever it is, its text can travel
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


class TorchProcessGroup(ProcessGroup):
    """A process of a group that torch.distributed connects; `ours` where we connected it and shall part it.

    Flags and values travel through a group that speaks for the processor, which a caller's own may not.
    """

    def __init__(self, local_rank: int, local_size: int, *, ours: bool = False) -> None:
        self._ours = ours
        self._failure = f"{_FAILURE}/{next(_numbers)}"
        self._talk: Any = (
            None if ours or "gloo" in str(dist.get_backend()) else dist.new_group(backend="gloo")
        )
        self.rank = dist.get_rank()
        self.size = dist.get_world_size()
        self.local_rank, self.local_size = local_rank, local_size

    def sum(self, value: Tensor) -> Tensor:
        """Return the sum of `value` over processes; the same bits in each of them."""
        total = value.detach().clone()
        dist.all_reduce(total, group=self._speaking(total))
        return total

    def every(self, value: Tensor) -> list[Tensor]:
        """Return the `value` of every process, all of one shape, by rank."""
        found = [torch.empty_like(value) for _ in range(self.size)]
        dist.all_gather(found, value.contiguous(), group=self._speaking(value))
        return found

    def _speaking(self, value: Tensor) -> Any:
        """Return the group that carries tensors of a device; None is the default one."""
        return self._talk if value.device.type == "cpu" else None

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of `value` over processes."""
        return self.sum(value) / self.size

    def any(self, flag: bool) -> bool:
        """Return whether the flag is up in some process."""
        value = torch.tensor(int(flag))
        dist.all_reduce(value, group=self._talk)
        return bool(value)

    def least(self, *numbers: int) -> list[int]:
        """Return the smallest of each number over processes."""
        values = torch.tensor(numbers)
        dist.all_reduce(values, dist.ReduceOp.MIN, group=self._talk)
        found: list[int] = values.tolist()
        return found

    def gathered(self, value: Value) -> list[Value]:
        """Return what every process gave, by rank."""
        found: list[Any] = [None] * self.size
        dist.all_gather_object(found, value, group=self._talk)
        return found

    def decided(self, make: Callable[[], Value]) -> Value:
        """Return what `make` gives in the leading process, in all of them; what it raises is raised in all."""
        answer: list[Any] = [None, None]
        if self.leads:
            try:
                answer[0] = make()
            except Exception as error:  # noqa: BLE001 - it is raised below, in every process
                answer[1] = _portable(error)
        dist.broadcast_object_list(answer, group=self._talk)
        if answer[1] is not None:
            raise answer[1]
        return answer[0]

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Put the mean over processes in the place of each tensor."""
        kinds = {(item.dtype, item.device) for item in tensors}
        for kind in sorted(kinds, key=str):
            alike = [item for item in tensors if (item.dtype, item.device) == kind]
            flat = torch.cat([item.flatten() for item in alike])
            dist.all_reduce(flat, group=self._speaking(flat))
            flat /= self.size
            parts = flat.split([item.numel() for item in alike])
            torch._foreach_copy_(alike, [part.view_as(item) for part, item in zip(parts, alike, strict=True)])

    @contextlib.contextmanager
    def one_by_one(self) -> Iterator[None]:
        """Let one process of each machine go first, then the others: it fills what they find."""
        if self.local_rank == 0:
            try:
                yield
            finally:
                dist.barrier(group=self._talk)
        else:
            dist.barrier(group=self._talk)
            yield

    def note_failure(self, text: str) -> None:
        """Leave word of why this process ends, for the others."""
        with contextlib.suppress(Exception):  # the place of words may have gone first
            _store().set(self._failure, f"{self.rank}\n{text}")

    def failure(self) -> str | None:
        """Return the word that another process left before it ended: its rank, then what it said."""
        with contextlib.suppress(Exception):
            store = _store()
            store.wait([self._failure], timedelta(seconds=3))
            text = str(store.get(self._failure).decode())
            return None if text.startswith(f"{self.rank}\n") else text
        return None

    def is_lost(self, error: BaseException) -> bool:
        """Whether an error only says that another process has gone."""
        if isinstance(error, dist.DistNetworkError | dist.DistStoreError):
            return True
        text = str(error).lower()
        return isinstance(error, RuntimeError) and any(mark in text for mark in _LOST)

    def leave(self) -> None:
        """Take leave of the others; nothing may be said after it.

        NCCL's way out is a conversation: one that the others do not join would keep this process from ending.
        """
        if self.agrees:
            self._let_go()
        if self._ours and (self.agrees or "nccl" not in str(dist.get_backend_config())):
            with contextlib.suppress(Exception):  # a lost process cannot answer
                dist.destroy_process_group()

    def _let_go(self) -> None:
        """Wait until the threads of gloo hold no tensor any more.

        They take Python's lock to drop one; where Python is about to end by then, the process would be aborted.
        """
        with contextlib.suppress(Exception):
            last = torch.zeros(1)
            dist.all_reduce(last, group=self._talk)
            held = weakref.ref(last)
            del last
            until = time.monotonic() + _PATIENCE_SECONDS
            while held() is not None and time.monotonic() < until:
                time.sleep(0.002)
            time.sleep(0.01)  # another thread may hold the one before
