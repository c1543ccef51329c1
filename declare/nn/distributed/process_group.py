"""The processes that train one model together, and their collective operations.

`ProcessGroup` is one process alone: every operation returns its value as it is. `TorchProcessGroup` calls
torch.distributed. Code that takes a `ProcessGroup` needs no branch for either.
"""

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
_PEER_FAILURE_TEXTS = (
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
"""Messages of gloo and NCCL when the other end is silent; their other messages are about the call itself."""


class ProcessGroup:
    """One process alone."""

    rank = 0
    size = 1
    local_rank = 0
    local_size = 1
    """Processes on this machine."""

    heartbeat: Callable[[int], None] | None = None
    """Called with every step, if a supervisor watches this process."""
    in_no_sync = False
    """Whether this process is inside `no_sync`: it computes something separately while the others wait."""

    clean_exit = False
    """Whether all processes have ended alike, so that each may wait for the others when it closes."""

    @contextlib.contextmanager
    def no_sync(self) -> Iterator[None]:
        """While inside, this process computes alone: layers and losses make no collective call."""
        self.in_no_sync, was_in_no_sync = True, self.in_no_sync
        try:
            yield
        finally:
            self.in_no_sync = was_in_no_sync

    @property
    def is_rank0(self) -> bool:
        """Whether this is the process that writes files and prints."""
        return self.rank == 0

    def sum(self, value: Tensor) -> Tensor:
        """Return the sum of `value` over processes; the same bits in each of them."""
        return value

    def all_gather(self, value: Tensor) -> list[Tensor]:
        """Return the `value` of every process, with equal shapes, by rank."""
        return [value]

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of `value` over processes."""
        return value

    def any(self, flag: bool) -> bool:
        """Return whether the flag is up in some process."""
        return flag

    def all_reduce_min(self, *numbers: int) -> list[int]:
        """Return the minimum of each number over processes."""
        return [*numbers]

    def all_gather_object(self, value: Value) -> list[Value]:
        """Return the `value` (any picklable one) of every process, by rank."""
        return [value]

    def broadcast_from_rank0(self, make: Callable[[], Value]) -> Value:
        """Return what `make` returns in rank 0, in all processes; what it raises is raised in all."""
        return make()

    def all_reduce_mean(self, tensors: Sequence[Tensor]) -> None:
        """Put the mean over processes in the place of each tensor."""

    @contextlib.contextmanager
    def local_rank0_first(self) -> Iterator[None]:
        """Let one process of each machine go first, then the others: it fills what they find."""
        yield

    def note_failure(self, text: str) -> None:
        """Store why this process ends, for the others."""

    def peer_failure(self) -> str | None:
        """Return what another process stored before it ended."""
        return None

    def is_peer_failure(self, error: BaseException) -> bool:
        """Return whether an error only means that another process has gone."""
        return False

    def close(self) -> None:
        """Close the connection; no operation may follow."""


SINGLE_PROCESS = ProcessGroup()


def fill_missing_gradients(
    gradients: Sequence[Tensor | None], parameters: Sequence[Tensor], world: ProcessGroup
) -> list[Tensor | None]:
    """Return the gradients of parameters, zeros if only other processes have one: all then send the same.

    A module that leaves parts of itself out at random does not leave out the same in each process.
    """
    if world.size == 1 or not parameters:
        return list(gradients)
    counts = world.sum(torch.tensor([int(item is not None) for item in gradients])).tolist()
    return [
        torch.zeros_like(parameter) if item is None and count else item
        for item, parameter, count in zip(gradients, parameters, counts, strict=True)
    ]


def _store() -> Any:
    """Return the key-value store of all processes."""
    return dist.distributed_c10d._get_default_store()  # noqa: SLF001 - torch has no public way to it


def _portable(error: Exception) -> Exception:
    """Return an error that another process can be given."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - whatever it is, its text can travel
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


class TorchProcessGroup(ProcessGroup):
    """A process of a group that torch.distributed connects; `owns_connection` if we made the connection.

    Flags and values travel through a group with a CPU backend, which a caller's own may not have.
    """

    def __init__(self, local_rank: int, local_size: int, *, owns_connection: bool = False) -> None:
        self._owns_connection = owns_connection
        self._failure = f"{_FAILURE}/{next(_numbers)}"
        self._cpu_group: Any = (
            None if owns_connection or "gloo" in str(dist.get_backend()) else dist.new_group(backend="gloo")
        )
        self.rank = dist.get_rank()
        self.size = dist.get_world_size()
        self.local_rank, self.local_size = local_rank, local_size

    def sum(self, value: Tensor) -> Tensor:
        """Return the sum of `value` over processes; the same bits in each of them."""
        total = value.detach().clone()
        dist.all_reduce(total, group=self._group_of(total))
        return total

    def all_gather(self, value: Tensor) -> list[Tensor]:
        """Return the `value` of every process, with equal shapes, by rank."""
        values = [torch.empty_like(value) for _ in range(self.size)]
        dist.all_gather(values, value.contiguous(), group=self._group_of(value))
        return values

    def _group_of(self, value: Tensor) -> Any:
        """Return the torch group for a tensor's device; None is the default one."""
        return self._cpu_group if value.device.type == "cpu" else None

    def mean(self, value: Tensor) -> Tensor:
        """Return the mean of `value` over processes."""
        return self.sum(value) / self.size

    def any(self, flag: bool) -> bool:
        """Return whether the flag is up in some process."""
        value = torch.tensor(int(flag))
        dist.all_reduce(value, group=self._cpu_group)
        return bool(value)

    def all_reduce_min(self, *numbers: int) -> list[int]:
        """Return the minimum of each number over processes."""
        values = torch.tensor(numbers)
        dist.all_reduce(values, dist.ReduceOp.MIN, group=self._cpu_group)
        minima: list[int] = values.tolist()
        return minima

    def all_gather_object(self, value: Value) -> list[Value]:
        """Return the `value` (any picklable one) of every process, by rank."""
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value, group=self._cpu_group)
        return values

    def broadcast_from_rank0(self, make: Callable[[], Value]) -> Value:
        """Return what `make` returns in rank 0, in all processes; what it raises is raised in all."""
        answer: list[Any] = [None, None]
        if self.is_rank0:
            try:
                answer[0] = make()
            except Exception as error:  # noqa: BLE001 - it is raised below, in every process
                answer[1] = _portable(error)
        dist.broadcast_object_list(answer, group=self._cpu_group)
        if answer[1] is not None:
            raise answer[1]
        return answer[0]

    def all_reduce_mean(self, tensors: Sequence[Tensor]) -> None:
        """Put the mean over processes in the place of each tensor."""
        kinds = {(item.dtype, item.device) for item in tensors}
        for kind in sorted(kinds, key=str):
            same_kind = [item for item in tensors if (item.dtype, item.device) == kind]
            flat = torch.cat([item.flatten() for item in same_kind])
            dist.all_reduce(flat, group=self._group_of(flat))
            flat /= self.size
            parts = flat.split([item.numel() for item in same_kind])
            torch._foreach_copy_(
                same_kind, [part.view_as(item) for part, item in zip(parts, same_kind, strict=True)]
            )

    @contextlib.contextmanager
    def local_rank0_first(self) -> Iterator[None]:
        """Let one process of each machine go first, then the others: it fills what they find."""
        if self.local_rank == 0:
            try:
                yield
            finally:
                dist.barrier(group=self._cpu_group)
        else:
            dist.barrier(group=self._cpu_group)
            yield

    def note_failure(self, text: str) -> None:
        """Store why this process ends, for the others."""
        with contextlib.suppress(Exception):  # the store may have gone first
            _store().set(self._failure, f"{self.rank}\n{text}")

    def peer_failure(self) -> str | None:
        """Return what another process stored before it ended: its rank, then its text."""
        with contextlib.suppress(Exception):
            store = _store()
            store.wait([self._failure], timedelta(seconds=3))
            text = str(store.get(self._failure).decode())
            return None if text.startswith(f"{self.rank}\n") else text
        return None

    def is_peer_failure(self, error: BaseException) -> bool:
        """Return whether an error only means that another process has gone."""
        if isinstance(error, dist.DistNetworkError | dist.DistStoreError):
            return True
        text = str(error).lower()
        return isinstance(error, RuntimeError) and any(mark in text for mark in _PEER_FAILURE_TEXTS)

    def close(self) -> None:
        """Close the connection; no operation may follow.

        NCCL closes by a collective call: if the others do not join it, this process would never end.
        """
        if self.clean_exit:
            self._drain_gloo()
        if self._owns_connection and (self.clean_exit or "nccl" not in str(dist.get_backend_config())):
            with contextlib.suppress(Exception):  # a lost process cannot answer
                dist.destroy_process_group()

    def _drain_gloo(self) -> None:
        """Wait until the threads of gloo hold no tensor any more.

        They take Python's lock to drop one; if Python is about to end by then, the process would be aborted.
        """
        with contextlib.suppress(Exception):
            last = torch.zeros(1)
            dist.all_reduce(last, group=self._cpu_group)
            reference = weakref.ref(last)
            del last
            until = time.monotonic() + _PATIENCE_SECONDS
            while reference() is not None and time.monotonic() < until:
                time.sleep(0.002)
            time.sleep(0.01)  # another thread may hold the one before
