"""Which device a run computes on."""

import torch

from declare.contract.problem import Problem, ProblemError
from declare.ir.plan import HardwarePlan


def choose_device(hardware: HardwarePlan, local_rank: int | None = None) -> torch.device:
    """Return the device that the plan asks for, the fastest that is there for `auto`.

    Processes of one machine take its devices in turn, by `local_rank`; without it, the GPU is the current one.
    Raises `ProblemError` (RES813) if the spec names one that this machine has not.
    """
    kind = choose_kind(hardware)
    if kind != "cuda":
        return torch.device(kind)
    if local_rank is None:
        return torch.device(kind, torch.cuda.current_device())
    return torch.device(kind, local_rank % torch.cuda.device_count())


def choose_kind(hardware: HardwarePlan) -> str:
    """Return the kind of device that the plan asks for; nothing is started on it.

    Raises `ProblemError` (RES813) if the spec names one that this machine has not.
    """
    kinds = available_kinds()
    if hardware.accelerator == "auto":
        return kinds[0]
    if hardware.accelerator not in kinds:
        raise ProblemError(
            Problem(
                "RES813",
                f"the spec asks for `{hardware.accelerator}`, this machine has {', '.join(kinds)}",
                at="hardware.accelerator",
                helps=("use `accelerator: auto` or `cpu`; as options `--procs N` instead of `--gpus N`",),
            )
        )
    return hardware.accelerator


def too_few_devices_problem(num_requested: int, kind: str, num_available: int) -> Problem:
    """Return the finding that a machine has fewer devices than the spec asks for."""
    return Problem(
        "RES813",
        f"the spec asks for {num_requested} devices of kind `{kind}`, this machine has {num_available}",
        at="hardware.devices",
        helps=(
            ("use `devices: auto` to use what is available, or `--procs N` for several processes on the CPU"),
        ),
    )


def count_devices(kind: str) -> int:
    """Return how many devices of one kind this machine has; one processor counts as one."""
    return torch.cuda.device_count() if kind == "cuda" else 1


def available_kinds() -> list[str]:
    """Return the kinds of devices that are there, the fastest first."""
    kinds = []
    if torch.cuda.is_available():
        kinds.append("cuda")
    if torch.backends.mps.is_available():
        kinds.append("mps")
    return [*kinds, "cpu"]
