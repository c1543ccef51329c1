"""What one optimizer step sees, where that is not what a batch on the device holds."""

from __future__ import annotations

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.course import batch_size
from declare.rules.parts import given, phases
from declare.rules.view import View

CODE = "RES802"
STAGE = "lint"


def check(view: View) -> Iterator[Problem]:
    """Yield each phase whose steps are made of several micro-batches."""
    for phase in phases(view):
        size, parts = batch_size(phase.block), given(phase.block, "accumulate") or 1
        if size is None or parts == 1 or size % parts:
            continue
        yield Problem(
            CODE,
            f"a step of phase `{phase.name}` sees {size} samples: {parts} micro-batches of {size // parts}",
            at=f"{phase.path}.accumulate",
            label=f"{size} / {parts} = {size // parts} at a time",
            also={f"{phase.path}.batch_size": "the global batch, not multiplied"},
            notes=("`batch_size` counts all devices and micro-batches: `accumulate` changes memory alone",),
        )
