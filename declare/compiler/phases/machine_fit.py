"""Whether a phase fits into the memory of the machine that it is to be trained on."""

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from declare.compiler.phases.memory import Memory
from declare.contract.problem import Problem
from declare.ir.plan import HardwarePlan, PhasePlan
from declare.rules.byte_sizes import bytes_text
from declare.system.memory_limits import address_limit, group_limit, machine_memory

# What drivers of GPUs leave in the file system, so that looking needs no torch and starts nothing on the device.
_GPUS = (Path("/proc/driver/nvidia/gpus"), Path("/dev/kfd"))


class Limit(NamedTuple):
    """Bytes that may be taken, in words, and how many processes of the run share them."""

    size: int
    words: str
    processes: int


def machine_limits(hardware: HardwarePlan) -> Iterator[Limit]:
    """Yield the limits of main memory for a run that computes there.

    The processes of a run on one machine share it; `ulimit -v` holds for each.
    """
    on_machine = hardware.devices if isinstance(hardware.devices, int) else 1
    memory = machine_memory()
    if memory is not None:
        whose = "its control group allows" if memory == group_limit() else "this machine has"
        yield Limit(memory, whose, on_machine)
    address = address_limit()
    if address is not None:
        yield Limit(address, "`ulimit -v` allows", 1)


def computes_on_processor(hardware: HardwarePlan) -> bool:
    """Whether a run on this machine would compute in main memory, as far as that shows without torch."""
    if hardware.accelerator == "auto":
        return sys.platform == "linux" and not any(place.exists() for place in _GPUS)
    return hardware.accelerator == "cpu"


def limits_for(hardware: HardwarePlan) -> list[Limit]:
    """Return the limits of this machine's main memory; who states more memory than it has means another one."""
    limits = list(machine_limits(hardware))
    stated = hardware.memory_limit_bytes or 0
    return [] if stated > max((limit.size for limit in limits), default=0) else limits


def memory_problem(
    phase: PhasePlan,
    least: Memory,
    expected: Memory | None,
    limits: Iterable[Limit],
    processes: int = 1,
    *,
    scaled: Memory | None = None,
) -> Problem | None:
    """Return that a phase does not fit (HW718), or probably not (HW719), into one of `limits`; None if it does.

    `least` and `expected` are what each of the run's `processes` takes at the very least and as estimated. Other
    batches are judged by `scaled`, if it is neither of these.
    """
    warning = None
    for limit in limits:
        helps = what_fits(phase, scaled or expected or least, limit.size // limit.processes, processes)
        if least.total * limit.processes > limit.size:
            return _problem("HW718", phase, least, limit, helps)
        if expected is not None and expected.total * limit.processes > limit.size:
            warning = warning or _problem("HW719", phase, expected, limit, helps)
    return warning


def what_fits(phase: PhasePlan, memory: Memory, available: int, processes: int = 1) -> tuple[str, ...]:
    """Return which `accumulate` and `batch_size` fit into the bytes that each process has, as sentences.

    Activations grow with the rows of a micro-batch, the batch itself with all of its rows.
    """
    state = memory.total - memory.activations - memory.data
    rows = -(-phase.batch_size // (phase.accumulate * processes))
    fitting = (available - state - memory.data) * rows // max(memory.activations, 1)
    share = (available - state) / max(memory.activations + memory.data, 1)
    largest = int(phase.batch_size * share) // (phase.accumulate * processes) * phase.accumulate * processes
    helps = []
    if 0 < fitting < rows:
        accumulate = -(-phase.batch_size // (fitting * processes))
        at_once = -(-phase.batch_size // (accumulate * processes))
        helps.append(f"`accumulate: {accumulate}` fits: {at_once} sample{'s' * (at_once > 1)} at a time")
    if 0 < largest < phase.batch_size:
        helps.append(f"`batch_size: {largest}` fits")
    if not helps:
        helps.append(
            f"choose a smaller model: weights and what training adds to them take {bytes_text(state)}, not even one "
            "sample at a time fits beside them"
        )
    return tuple(helps)


def cache_shortage(kept: Mapping[str, int], limits: Iterable[Limit]) -> Problem | None:
    """Return that samples kept in memory do not fit into one of `limits` (HW718); None if they do.

    `kept` are the bytes of each dataset with `cache: memory`; each process keeps them.
    """
    total = sum(kept.values())
    for limit in limits:
        if total * limit.processes <= limit.size:
            continue
        largest = max(kept, key=lambda name: kept[name])
        several = f" in each of {limit.processes} processes" if limit.processes > 1 else ""
        return Problem(
            "HW718",
            f"decoded samples take {bytes_text(total)}{several}, {limit.words} {bytes_text(limit.size)}",
            at=f"datasets.{largest}.cache",
            label="does not fit",
            notes=(f"{bytes_text(kept[largest])} are of `{largest}`",),
            helps=("`cache: disk` keeps them in a file", "`limit` takes fewer samples"),
        )
    return None


def _problem(code: str, phase: PhasePlan, memory: Memory, limit: Limit, helps: tuple[str, ...]) -> Problem:
    title, what, surely = {
        "HW718": ("needs at least", "a lower bound: libraries and evaluations come on top", True),
        "HW719": ("needs about", "an estimate: some layers keep less, libraries take some more", False),
    }[code]
    several = f" in each of {limit.processes} processes" if limit.processes > 1 else ""
    state = memory.weights + memory.gradients + memory.optimizer + memory.average
    too_many_rows = memory.activations + memory.data > state
    elsewhere = "for another machine, state its memory: `hardware.memory_limit`"
    return Problem(
        code,
        f"phase `{phase.name}` {title} {bytes_text(memory.total)}{several}, {limit.words} {bytes_text(limit.size)}",
        at=f"phases.{phase.name}.batch_size" if too_many_rows else f"phases.{phase.name}",
        label="does not fit" if surely else "may not fit",
        notes=(f"{memory}", what),
        helps=(*helps, elsewhere),
    )
