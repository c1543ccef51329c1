"""Idle settings of phases."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.language.spec import Phase
from declare.reading.poison import contains_poison
from declare.rules.idle_setting import Idle
from declare.rules.spec_parts import (
    LocatedBlock,
    get,
    is_unreadable,
    phase_datasets,
    phase_tasks,
    phases,
    trained_blocks,
)
from declare.rules.spec_view import View

CODE = "REF203"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield each setting that changes nothing."""
    for setting in _idle(view):
        yield setting.problem(CODE)


def _idle(view: View) -> Iterator[Idle]:
    """Yield what a phase states in vain."""
    for phase in phases(view):
        yield from _mix(view, phase)
        yield from _evaluation(view, phase)
        yield from _balance(view, phase)
        yield from _scales(phase)
        yield from _schedule(phase)


def _schedule(phase: LocatedBlock[Phase]) -> Iterator[Idle]:
    """Yield a schedule of rates that the optimizer does not read."""
    optimizer, schedule = get(phase.block, "optimizer"), get(phase.block, "schedule")
    if schedule is not None and optimizer is not None and optimizer.sets_own_lr:
        name = optimizer.type_name()
        why = f"`{name}` finds its rates itself"
        also = {f"{phase.path}.optimizer": "reads a rate at the first step alone"}
        yield Idle(
            f"{phase.path}.schedule", f"`schedule` of phase `{phase.name}`", why, "read by nothing", also
        )


def _scales(phase: LocatedBlock[Phase]) -> Iterator[Idle]:
    """Yield what only another mode of scales looks at."""
    scales = get(phase.block, "scales")
    mode, sizes = get(scales, "mode"), get(scales, "sizes")
    path = f"{phase.path}.scales"
    if mode == "joint" and (sizes is None or contains_poison(sizes)):
        return
    joint = mode == "joint" and isinstance(sizes, list) and len(sizes) > 1
    why = "each step sees one size"
    if isinstance(mode, str) and not joint and get(scales, "consistency") is not None:
        yield Idle(f"{path}.consistency", "`consistency`", why, "nothing to agree with")
    if isinstance(mode, str) and not joint and get(scales, "materialize") == "eager":
        yield Idle(f"{path}.materialize", "`materialize: eager`", why, "one size at a time anyway")
    if mode in {"joint", "random"} and get(scales, "durations"):
        also = {f"{path}.mode": "not `progressive`"}
        yield Idle(
            f"{path}.durations", "`durations`", f"`{mode}` has no course", "read by nothing", also=also
        )


def _balance(view: View, phase: LocatedBlock[Phase]) -> Iterator[Idle]:
    """Yield what weighs tasks against each other where there is one."""
    blocks = trained_blocks(view, phase.block)
    if blocks is None or any(is_unreadable(block, "weight") or block is None for block in blocks):
        return
    tasks = [name for name, weight in (phase_tasks(view, phase.block) or {}).items() if weight]
    stated = {
        "balance": get(phase.block, "balance"),
        "diagnose.gradients": get(phase.block, "diagnose", "gradients"),
    }
    for name in (name for name, value in stated.items() if value is not None and len(tasks) == 1):
        why = f"it trains `{tasks[0]}` alone"
        yield Idle(f"{phase.path}.{name}", f"`{name}` of phase `{phase.name}`", why, "one task has no rival")


def _mix(view: View, phase: LocatedBlock[Phase]) -> Iterator[Idle]:
    names = phase_datasets(view, phase.block)
    path = f"{phase.path}.mix"
    if get(phase.block, "mix") is None:
        return
    if len(names) == 1:
        yield Idle(
            path,
            f"`mix` of phase `{phase.name}`",
            f"it trains on `{names[0]}` alone",
            "one dataset cannot be mixed",
            also={f"datasets.{names[0]}": "the only dataset of the phase"},
        )
    elif isinstance(get(phase.block, "batch_size"), dict):
        yield Idle(
            path,
            f"`mix` of phase `{phase.name}`",
            "`batch_size` has the rows",
            "the shares are stated already",
            also={f"{phase.path}.batch_size": "rows by dataset"},
        )


def _evaluation(view: View, phase: LocatedBlock[Phase]) -> Iterator[Idle]:
    """Yield an interval of evaluations where no dataset of the phase holds out validation samples."""
    names = phase_datasets(view, phase.block)
    if get(phase.block, "evaluate", "every") is None or not names:
        return
    splits = [view.facts[name].splits if name in view.facts else {} for name in names]
    if all(sizes and not sizes.get("val", 0) for sizes in splits):
        yield Idle(
            f"{phase.path}.evaluate.every",
            "`evaluate.every`",
            "no validation samples are held out",
            "nothing to evaluate on",
            also={f"datasets.{name}.split": "no `val` here" for name in names[:2]},
            helps=("hold out samples with `split: {val: 0.1}`, or remove it",),
        )
