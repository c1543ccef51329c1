"""Idle settings of hardware and search."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.idle_setting import Idle
from declare.rules.spec_parts import get, phases
from declare.rules.spec_view import View

CODE = "REF203"
STAGE = "hardware"


def check(view: View) -> Iterator[Problem]:
    """Yield each setting that changes nothing."""
    for setting in _idle(view):
        yield setting.problem(CODE)


def _idle(view: View) -> Iterator[Idle]:
    """Yield what the machine cannot follow."""
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
            also={"hardware.accelerator": "the CPU is asked for here"},
        )


def _precision(view: View) -> Iterator[Idle]:
    """A precision that every phase states anew is never used."""
    stated = get(view.spec, "hardware", "precision")
    own = [phase for phase in phases(view) if get(phase.block, "precision") is not None]
    whole = len(own) == len(get(view.spec, "phases") or {})
    if stated not in {None, "auto"} and own and whole:
        yield Idle(
            "hardware.precision",
            f"`precision: {stated}`",
            "every phase states its own",
            "overridden everywhere",
            also={f"{phase.path}.precision": f"`{phase.name}` has its own" for phase in own[:3]},
        )
