"""A phase whose estimated memory is above the stated limit will probably not fit."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.ir.plan import PhasePlan
from declare.parsing.read_component import read_component
from declare.rules.byte_sizes import bytes_text, read_bytes
from declare.rules.spec_parts import get, phases
from declare.rules.spec_view import View

CODE = "RES801"
STAGE = "lint"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each phase whose estimated memory is above `hardware.memory_limit`."""
    stated = get(view.spec, "hardware", "memory_limit")
    limit = read_bytes(stated) if isinstance(stated, str) else None
    for phase in phases(view) if limit else ():
        plan = view.phases.get(phase.name)
        if plan is None or plan.memory_bytes is None or limit is None or plan.memory_bytes <= limit:
            continue
        micro = plan.batch_size // max(1, plan.accumulate)
        state = _state_bytes(plan)
        fits = int(micro * max(0, limit - state) / max(1, plan.memory_bytes - state))
        helps = (
            [f"set `accumulate: {-(-plan.batch_size // fits)}`: batches of {fits} at a time"]
            if fits
            else [f"weights, gradients and optimizer state alone take {bytes_text(state)}"]
        )
        yield Problem(
            CODE,
            f"phase `{phase.name}` needs about {bytes_text(plan.memory_bytes)} of a limit of {bytes_text(limit)}",
            at=f"{phase.path}.batch_size",
            label=f"{micro} samples at a time",
            also={"hardware.memory_limit": f"{bytes_text(limit)} allowed here"},
            notes=(
                (
                    f"an estimate for {plan.trainable_parameters:,} trained parameters, {micro} samples "
                    "at once"
                ),
            ),
            helps=(*helps, "use a smaller model, or `precision: bf16`"),
        )


def _state_bytes(plan: PhasePlan) -> int:
    """Return the bytes of trained weights, their gradients and the optimizer's state: no batch makes them smaller."""
    states = read_component("optimizers", plan.optimizer).states_per_parameter() or 0
    return 4 * (2 + states) * plan.trainable_parameters
