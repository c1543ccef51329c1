"""Idle settings of hardware and search."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.idle_setting import Idle
from declare.rules.spec_parts import get, phases
from declare.rules.spec_view import View

CODE = "REF203"
STAGE = "hardware"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each setting without effect."""
    for setting in _idle(view):
        yield setting.problem(CODE)


def _idle(view: View) -> Iterator[Idle]:
    """Yield settings that the machine does not support."""
    hardware = get(view.spec, "hardware")
    yield from _cpu(hardware)
    yield from _precision(view)


def _cpu(hardware: object) -> Iterator[Idle]:
    if get(hardware, "accelerator") == "cpu" and get(hardware, "precision") == "tf32":
        yield Idle(
            "hardware.precision",
            "`precision: tf32`",
            "it is a mode of NVIDIA GPUs",
            "trains in fp32",
            also={"hardware.accelerator": "the CPU is requested here"},
        )


def _precision(view: View) -> Iterator[Idle]:
    """Yield a hardware precision that every phase overrides."""
    stated = get(view.spec, "hardware", "precision")
    overriding = [phase for phase in phases(view) if get(phase.block, "precision") is not None]
    whole = len(overriding) == len(get(view.spec, "phases") or {})
    if stated not in {None, "auto"} and overriding and whole:
        yield Idle(
            "hardware.precision",
            f"`precision: {stated}`",
            "every phase states its own",
            "overridden everywhere",
            also={f"{phase.path}.precision": f"`{phase.name}` has its own" for phase in overriding[:3]},
        )
