"""The memory of a phase: what may be taken, what the plan needs, what was measured, and what would fit."""

import re
from collections.abc import Iterator

import torch

from declare.compiler.phases.machine_fit import Limit, machine_limits, memory_problem
from declare.compiler.phases.memory import Memory, least_of_plan, of_plan
from declare.contract.problem import ProblemError
from declare.ir.plan import PhasePlan, Plan
from declare.rules.byte_sizes import bytes_text
from declare.system.memory_limits import address_limit, group_limit, peak

_BOTH_WAYS = 2.0
"""Activations and, in the backward pass, their gradients: what a sample takes at least, over the plan's estimate."""
_SPARE = 0.8
"""Fraction of the room that is planned with: allocators leave gaps."""
_LATER = 128 << 20
"""Address space that threads and libraries take once training begins."""
_ASKED = re.compile(r"allocate ([\d.]+) ?(bytes|[KMGT]iB)")
_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


class MemoryBudget:
    """Memory available to a phase at its start, with model and data already in memory."""

    def __init__(self, plan: Plan, phase: PhasePlan, device: torch.device, shares: int = 1) -> None:
        self._plan, self._phase, self._device, self._shares = plan, phase, device, shares
        self._limits = dict(_limits(plan, device))
        self._before = _used_memory(device)
        has_all_datasets = all(name in plan.datasets for name in phase.rows)
        self._estimate = of_plan(plan, phase) if has_all_datasets else None

    @property
    def rows(self) -> int:
        """Samples that one process computes at once."""
        return -(-self._phase.batch_size // (self._phase.accumulate * self._shares))

    def notes(self, error: BaseException) -> Iterator[str]:
        """Yield the arithmetic."""
        limit, room = self._room()
        yield f"room for the phase: {bytes_text(max(room, 0))} ({limit}, less the memory in use before)"
        estimate = self._estimate
        if estimate is None:
            return
        state, sample = _state(estimate), self._sample(estimate, error)
        yield (
            f"needed: {bytes_text(state)} for gradients and optimizer + {self.rows} samples x {bytes_text(sample)} = "
            f"{bytes_text(state + self.rows * sample)}"
        )
        peak_bytes = self._peak_memory(error)
        if peak_bytes > 0:
            yield f"measured: {bytes_text(peak_bytes)} taken or asked for when it failed"

    def fits(self, error: BaseException) -> int | None:
        """Return how many samples would fit at once (0: not one); None if unknown."""
        estimate = self._estimate
        if estimate is None or not estimate.activations:
            return None
        free_bytes = self._room()[1] * _SPARE - _state(estimate)
        return max(0, min(int(free_bytes / self._sample(estimate, error)), self.rows - 1))

    def _room(self) -> tuple[str, int]:
        """Return the tightest limit in words, and what it leaves to the phase."""
        rooms = {
            f"{name} {bytes_text(limit)}": limit - self._before.get(kind, 0)
            for name, (limit, kind) in self._limits.items()
        }
        tightest = min(rooms, key=lambda name: rooms[name])
        return tightest, rooms[tightest]

    def _sample(self, estimate: Memory, error: BaseException) -> float:
        """Return bytes of a sample: by the plan, or as measured if that is more."""
        # The plan's sizes are of each process if it knows how many there are, else of all together.
        shares = self._shares if isinstance(self._plan.hardware.devices, int) else 1
        batch = self._phase.batch_size / shares
        plan_bytes = (
            _BOTH_WAYS * estimate.activations * self._phase.accumulate / batch + estimate.data / batch
        )
        return max(plan_bytes, (self._peak_memory(error) - _state(estimate)) / self.rows)

    def _peak_memory(self, error: BaseException) -> int:
        """Return the most that the phase took, with the request that failed."""
        kind = next(kind for name, (_, kind) in self._limits.items() if self._room()[0].startswith(name))
        return _peak(self._device, kind) - self._before.get(kind, 0) + requested_bytes(error)


def require_memory(plan: Plan, device: torch.device) -> None:
    """Raise `ProblemError` (HW718) if a phase takes more than the device has, whatever happens."""
    if device.type == "cuda":
        total = torch.cuda.get_device_properties(device).total_memory
        limits = [Limit(total, "the device has", 1)]
    else:
        limits = list(machine_limits(plan.hardware))
    for phase in plan.phases:
        problem = memory_problem(phase, least_of_plan(plan, phase), None, limits)
        if problem is not None:
            raise ProblemError(problem)


def requested_bytes(error: BaseException) -> int:
    """Return the bytes of the failed request, if the error contains them."""
    match = _ASKED.search(str(error))
    return int(float(match[1]) * _UNITS[match[2]]) if match else 0


def _state(estimate: Memory) -> int:
    return estimate.gradients + estimate.optimizer


def _limits(plan: Plan, device: torch.device) -> Iterator[tuple[str, tuple[int, str]]]:
    """Yield (name, (bytes, what counts against it))."""
    limit_bytes = plan.hardware.memory_limit_bytes
    if device.type == "cuda":
        yield "the device has", (torch.cuda.get_device_properties(device).total_memory, "device")
        if limit_bytes:
            yield "`memory_limit` is", (limit_bytes, "device")
        return
    import psutil

    resident_bytes = psutil.Process().memory_info().rss
    yield (
        "free memory and that of the process",
        (psutil.virtual_memory().available + resident_bytes, "resident"),
    )
    address = address_limit()
    if address is not None:
        yield "`ulimit -v` leaves", (address - _LATER, "address")
    group = group_limit()
    if group is not None:
        yield "the control group has", (group, "resident")


def _used_memory(device: torch.device) -> dict[str, int]:
    """Return what counts against each kind of limit now."""
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        return {"device": total - free - idle}
    import psutil

    now = psutil.Process().memory_info()
    return {"resident": now.rss, "address": now.vms}


def _peak(device: torch.device, kind: str) -> int:
    if device.type == "cuda":
        outside_bytes = _bytes_outside_torch(device)
        return torch.cuda.max_memory_allocated(device) + outside_bytes
    return peak(kind)


def _bytes_outside_torch(device: torch.device) -> int:
    """Return what the device holds beside torch's tensors: its context, other processes."""
    free, total = torch.cuda.mem_get_info(device)
    return int(total - free - torch.cuda.memory_reserved(device))
