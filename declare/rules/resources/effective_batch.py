"""The batch of an optimizer step, if it differs from the batch on the device."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.ir.micro_batches import bounds, group_size
from declare.rules.queries.phase_length import batch_size
from declare.rules.spec_parts import get, phases
from declare.rules.spec_view import View

CODE = "RES802"
STAGE = "lint"


def check(view: View) -> Iterator[Problem]:
    """Yield a note for each phase whose steps consist of several micro-batches."""
    for phase in phases(view):
        size, parts = batch_size(phase.block), get(phase.block, "accumulate") or 1
        plan = view.phases.get(phase.name)
        if size is None or parts == 1 or size % parts or plan is None:
            continue
        rows = [last - first for first, last in bounds(size, parts, group_size(plan))]
        micro_batch = f"{rows[0]}" if rows[0] == rows[-1] else f"{rows[-1]} to {rows[0]}"
        yield Problem(
            CODE,
            (
                f"a step of phase `{phase.name}` has {size} samples: {len(rows)} micro-batches of "
                f"{micro_batch}"
            ),
            at=f"{phase.path}.accumulate",
            label=f"{micro_batch} at a time",
            also={f"{phase.path}.batch_size": "the global batch, not multiplied"},
            notes=(
                "`batch_size` counts all devices and micro-batches",
                "`accumulate` changes memory, batch norm statistics and losses that compare samples",
            ),
        )
