"""What a phase asks for that processes cannot do while each holds a share of the model alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from declare.contract import reading
from declare.contract.problem import Problem
from declare.ir.plan import HardwarePlan, ModulePlan, PhasePlan

CODE = "HW708"
_ASKED = {"hardware.strategy": "shares are asked for here"}


def conflicts(
    hardware: HardwarePlan,
    processes: int | None,
    phases: Iterable[PhasePlan],
    nodes: Collection[ModulePlan],
) -> Iterator[Problem]:
    """Yield what contradicts `strategy: fsdp` with a number of processes (None: not known); nothing with one."""
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
        if processes is not None and not phase.alternate:
            yield from _lacking(phase, processes, nodes)


def _in_phase(phase: PhasePlan) -> Iterator[Problem]:
    at = f"phases.{phase.name}"
    optimizer: Any = reading.parse("optimizers", phase.optimizer)
    balance: Any = reading.parse("balances", phase.balance)
    if optimizer.whole:
        name = phase.optimizer["type"]
        yield _conflict(
            f"`{name}` updates whole parameters", f"{at}.optimizer", "use `adamw`, `sgd`, `lion` or `lamb`"
        )
    if balance.each_alone:
        name = phase.balance["type"]
        yield _conflict(
            f"`{name}` compares whole gradients", f"{at}.balance", "use `uncertainty` or `dynamic`"
        )
    if phase.gradients_every:
        yield _conflict("measuring gradients takes whole ones", f"{at}.diagnose.gradients", "remove it")
    if phase.regularizers:
        yield _conflict(
            "regularizers read whole parameters",
            f"{at}.regularizers",
            "remove them; `weight_decay` of the optimizer does what `l2` does",
        )


def _lacking(phase: PhasePlan, processes: int, nodes: Collection[ModulePlan]) -> Iterator[Problem]:
    """Yield a dataset with modules of its own that some processes would run in a micro-batch and others not."""
    pieces = processes * phase.accumulate
    for name in phase.datasets if len(phase.datasets) > 1 else ():
        apart = any(_is_apart(node, name, phase) for node in nodes)
        if apart and processes <= phase.rows[name] < pieces:
            yield _conflict(
                f"`{name[:20]}` gives {phase.rows[name]} samples to {pieces} micro-batches",
                f"phases.{phase.name}.batch_size",
                "raise `batch_size`, lower `accumulate`, or use `mix: alternate`",
            )


def _is_apart(node: ModulePlan, dataset: str, phase: PhasePlan) -> bool:
    """Whether a module, or a part of it, computes with samples of a dataset but not with those of all."""
    if dataset not in node.datasets:
        return False
    return node.per_dataset or node.adapts or not set(phase.datasets) <= set(node.datasets)


def _conflict(what: str, at: str, way_out: str) -> Problem:
    return Problem(
        CODE,
        f"{what}; `strategy: fsdp` holds shares",
        at=at,
        label="not with shares of the model",
        also=_ASKED,
        helps=(way_out, "or hold the whole model in every process: `strategy: ddp`"),
    )
