"""Which device a run computes on."""

from __future__ import annotations

import torch

from declare.contract.problem import Problem, ProblemError
from declare.ir.plan import HardwarePlan


def choose_device(hardware: HardwarePlan) -> torch.device:
    """Return the device that the plan asks for, the fastest that is there for `auto`.

    Raises `ProblemError` (RES813) where the spec names one that this machine has not.
    """
    there = available()
    if hardware.accelerator == "auto":
        return torch.device(there[0])
    if hardware.accelerator not in there:
        raise ProblemError(
            Problem(
                "RES813",
                f"the spec asks for `{hardware.accelerator}`, this machine has {', '.join(there)}",
                at="hardware.accelerator",
                helps=("use `accelerator: auto`, or `--set hardware.accelerator=cpu`",),
            )
        )
    return torch.device(hardware.accelerator)


def available() -> list[str]:
    """Return the kinds of devices that are there, the fastest first."""
    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]
