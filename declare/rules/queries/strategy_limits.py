"""What a phase requests that is impossible with several processes: with sharded parameters, or with exact bits."""

from collections.abc import Iterable, Iterator

from declare.contract.problem import Problem
from declare.ir.plan import HardwarePlan, PhasePlan
from declare.parsing.read_component import read_component

CODE = "HW708"
_ASKED = {"hardware.strategy": "sharding is requested here"}


def conflicts(
    hardware: HardwarePlan,
    processes: int | None,
    phases: Iterable[PhasePlan],
) -> Iterator[Problem]:
    """Yield what contradicts `strategy: fsdp` with a number of processes (None: unknown); nothing with one."""
    if hardware.strategy != "fsdp" or processes == 1:
        return
    if hardware.compile is True:
        yield _conflict("`compile: true` compiles whole models", "hardware.compile", "use `compile: false`")
    if hardware.determinism == "exact":
        yield _conflict(
            "`determinism: exact` needs whole gradients", "hardware.determinism", "use `determinism: fast`"
        )
    for phase in phases:
        yield from _in_phase(phase)


def uneven_batches(
    hardware: HardwarePlan, processes: int | None, phases: Iterable[PhasePlan]
) -> Iterator[Problem]:
    """Yield a problem for each phase whose micro-batches cannot be divided among processes without changing bits."""
    if hardware.determinism != "exact" or not processes:
        return
    for phase in phases:
        if phase.accumulate % processes:
            yield Problem(
                CODE,
                (
                    f"`determinism: exact` divides {phase.accumulate} micro-batches among {processes} "
                    "processes"
                ),
                at=f"phases.{phase.name}.accumulate",
                label="not a multiple of the processes",
                also={"hardware.determinism": "exact bits are requested here"},
                helps=(
                    (
                        f"use `accumulate: {processes}` or a multiple: it counts the micro-batches of all "
                        "processes"
                    ),
                ),
            )


def _in_phase(phase: PhasePlan) -> Iterator[Problem]:
    at = f"phases.{phase.name}"
    optimizer = read_component("optimizers", phase.optimizer)
    balance = read_component("balances", phase.balance)
    if optimizer.whole:
        name = phase.optimizer["type"]
        yield _conflict(
            f"`{name}` updates whole parameters", f"{at}.optimizer", "use `adamw`, `sgd`, `lion` or `lamb`"
        )
    if balance.needs_per_task_gradients:
        name = phase.balance["type"]
        yield _conflict(
            f"`{name}` compares whole gradients", f"{at}.balance", "use `uncertainty` or `dynamic`"
        )
    if phase.gradients_every:
        yield _conflict("measuring gradients needs whole ones", f"{at}.diagnose.gradients", "remove it")
    if phase.regularizers:
        yield _conflict(
            "regularizers read whole parameters",
            f"{at}.regularizers",
            "remove them; `weight_decay` of the optimizer has the effect of `l2`",
        )


def _conflict(what: str, at: str, way_out: str) -> Problem:
    return Problem(
        CODE,
        f"{what}, but `strategy: fsdp` shards them",
        at=at,
        label="not with sharded parameters",
        also=_ASKED,
        helps=(way_out, "or keep the whole model in every process: `strategy: ddp`"),
    )
