"""What `auto` came to: choices made once at the start of a run, recorded, kept when it is resumed."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from declare.contract import strict_json
from declare.ir.plan import PhasePlan, Plan
from declare.nn.distributed.process_group import SINGLE_PROCESS, ProcessGroup
from declare.runtime.machine.precision import HALF, Precision, fixed_precision, make_precision
from declare.runtime.run_folder.durable_io import write_durably
from declare.runtime.setup.benchmark import Trial, pick_precision, pick_threads, thread_candidates
from declare.runtime.step.strategies.select import uses_fsdp
from declare.system.schema_check import read_json

CHOICES_FILE = "choices.json"
_MOST_THREADS = 4096
_WORTH_BF16_FLOPS = 2e8
_WORTH_THREADS_FLOPS = 2e7
Record = Callable[[str, Any, str], None]
"""Told (name, value, reason) of every choice."""


class AutoSettings:
    """The choices of a run by name; a name that is known is never decided again.

    They are written to `choices.json` as soon as they are made, so that even a run that was killed before its
    first checkpoint comes back to the same numbers.
    """

    def __init__(
        self, plan: Plan, folder: Path | None, device: torch.device, world: ProcessGroup = SINGLE_PROCESS
    ) -> None:
        self._world = world
        self._exact = plan.hardware.determinism == "exact"
        self._sharded = uses_fsdp(plan, world)
        self._flops_per_sample = sum(node.flops or 0 for node in plan.nodes)
        self._path = folder / CHOICES_FILE if folder else None
        self._device = device
        self._choices = read_choices(folder)
        self._gather_precision = gather_precision(plan, self._choices, device) if self._sharded else None

    def resolve_precision(self, phase: PhasePlan, trial: Callable[[], Trial], record: Record) -> Precision:
        """Set the threads and return the phase's precision; `trial` is only made if one is needed."""
        name = f"precision.{phase.name}"
        pieces = phase.accumulate * self._world.size
        flops = 3 * self._flops_per_sample * phase.batch_size / pieces

        def choose() -> dict[str, Any]:
            with self._world.no_sync():
                if "threads" not in self._choices:
                    self._decide("threads", *self._choose_threads(flops, trial), record)
                torch.set_num_threads(self._choices["threads"])
                # A model that is gathered in half precision computes in nothing else, whatever a saved run did.
                if name not in self._choices or self._gather_precision not in {None, self._choices[name]}:
                    self._decide(name, *self._choose_precision(phase, flops, trial), record)
            return self._choices

        self._choices = self._world.broadcast_from_rank0(choose)
        torch.set_num_threads(self._choices["threads"])
        return make_precision(self._choices[name], self._device)

    def _choose_threads(self, flops: float, trial: Callable[[], Trial]) -> tuple[int, str]:
        now = torch.get_num_threads()
        if os.environ.get("OMP_NUM_THREADS"):
            return now, "OMP_NUM_THREADS says so"
        available = max(1, min(now, _available_cores()) // self._world.local_size)
        if self._exact:
            return available, "determinism: exact does not measure"
        if self._sharded:
            return available, "one process cannot measure a sharded model alone"
        if self._device.type != "cpu" or available == 1:
            return available, f"{available} cores are there for each process"
        if 0 < flops < _WORTH_THREADS_FLOPS:
            return 1, f"{flops / 1e6:.0f} MFLOP a step are too few to share"
        counts = thread_candidates(available)
        uses = [_use_threads(count) for count in counts]
        seconds = trial().seconds(uses)
        return pick_threads(counts, seconds), "measured: " + ", ".join(
            f"{count} threads {1000 * item:.2f} ms" for count, item in zip(counts, seconds, strict=True)
        )

    def _choose_precision(
        self, phase: PhasePlan, flops: float, trial: Callable[[], Trial]
    ) -> tuple[str, str]:
        if (choice := fixed_precision(phase.precision, self._device)) is not None:
            return choice
        if self._exact:
            return "fp32", "determinism: exact does not measure"
        if self._sharded:
            return "fp32", "one process cannot measure a sharded model alone"
        if flops < _WORTH_BF16_FLOPS:
            return "fp32", f"{flops / 1e6:.0f} MFLOP a step are too few to gain from bf16"
        fp32, bf16 = trial().seconds([lambda: "fp32", lambda: "bf16"])
        return pick_precision(fp32, bf16), f"measured: fp32 {1000 * fp32:.1f} ms, bf16 {1000 * bf16:.1f} ms"

    def _decide(self, name: str, value: Any, reason: str, record: Record) -> None:
        self._choices[name] = value
        if self._path:
            write_durably(self._path, strict_json.dumps(self._choices, indent=1).encode())
        record(name, value, reason)

    def state_dict(self) -> dict[str, Any]:
        """Return every choice made."""
        return dict(self._choices)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the choices of a saved run."""
        threads = state.get("threads", 1)
        if not isinstance(threads, int) or not 0 < threads <= _MOST_THREADS:
            raise ValueError(f"no process computes with {threads} threads")
        self._choices.update(state)


def read_choices(folder: Path | None) -> dict[str, Any]:
    """Return the choices that a run has made; none if it has no folder, or has not begun.

    Raises `ProblemError` (RES823) if they are damaged.
    """
    path = folder / CHOICES_FILE if folder else None
    if path is None or not path.exists():
        return {}
    choices: dict[str, Any] = read_json(path, "choices")
    return choices


def gather_precision(plan: Plan, choices: Mapping[str, Any], device: torch.device) -> str | None:
    """Return the half precision that a model in shares can be gathered in, None if it must be in its own.

    It is what all phases train in, if that is known before the model is built: from the spec, from the device, or
    from the choices that a run has `choices`.
    """
    precisions = {_planned_precision(phase, choices, device) for phase in plan.phases}
    (only,) = precisions if len(precisions) == 1 else {None}
    return only if only in HALF else None


def _planned_precision(phase: PhasePlan, choices: Mapping[str, Any], device: torch.device) -> str | None:
    choice = choices.get(f"precision.{phase.name}") if phase.precision == "auto" else None
    return choice or (fixed_precision(phase.precision, device) or (None,))[0]


def _use_threads(count: int) -> Callable[[], str]:
    def use() -> str:
        torch.set_num_threads(count)
        return "fp32"

    return use


def _available_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
