"""Every process needs samples of every dataset in a batch."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.ir.plan import PhasePlan
from declare.parsing.read_component import read_component
from declare.rules.spec_view import View

CODE = "HW706"
STAGE = "hardware"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each dataset of a phase whose part of a batch is smaller than the number of processes."""
    processes = view.hardware and view.hardware.processes
    if not processes:
        return
    for phase in view.phases.values():
        yield from lacking(phase, processes)


def lacking(phase: PhasePlan, processes: int) -> Iterator[Problem]:
    """Yield each dataset with fewer samples in a batch than there are processes."""
    sampler = read_component("samplers", phase.sampler)
    for name in phase.datasets:
        groups = -(-phase.rows[name] // sampler.group_size)
        if groups < processes:
            units = ("sample", "samples") if sampler.group_size == 1 else ("group", "groups")
            of = "" if sampler.group_size == 1 else f" of {sampler.group_size}"
            yield Problem(
                CODE,
                f"`{name[:20]}` has {groups} {units[groups > 1]}{of} in a batch for {processes} processes",
                at=f"phases.{phase.name}.batch_size",
                label="fewer than processes",
                helps=(
                    "raise `batch_size`, or the dataset's part of it",
                    f"or train with {groups} process{'es' * (groups > 1)}",
                ),
            )
