"""Every process must get samples of every dataset in a batch."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.ir.plan import PhasePlan
from declare.reading.read_component import read_component
from declare.rules.spec_view import View

CODE = "HW706"
STAGE = "hardware"


def check(view: View) -> Iterator[Problem]:
    """Yield each dataset of a phase that cannot be shared."""
    processes = view.hardware and view.hardware.processes
    if not processes:
        return
    for phase in view.phases.values():
        yield from lacking(phase, processes)


def lacking(phase: PhasePlan, processes: int) -> Iterator[Problem]:
    """Yield each dataset that gives fewer samples to a batch than there are processes."""
    sampler = read_component("samplers", phase.sampler)
    for name in phase.datasets:
        groups = -(-phase.rows[name] // sampler.group_size)
        if groups < processes:
            what = "samples" if sampler.group_size == 1 else f"groups of {sampler.group_size}"
            yield Problem(
                CODE,
                f"`{name[:20]}` gives {groups} {what} to a batch, {processes} processes share them",
                at=f"phases.{phase.name}.batch_size",
                label="too small for all processes",
                helps=(
                    "raise `batch_size`, or give the dataset more of it",
                    f"or train with {groups} processes",
                ),
            )
