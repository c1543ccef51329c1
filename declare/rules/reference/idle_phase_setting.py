"""Idle settings of phases."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.language.spec import Phase
from declare.parsing.poison import contains_poison
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
    """Yield a problem for each setting without effect."""
    for setting in _idle(view):
        yield setting.problem(CODE)


def _idle(view: View) -> Iterator[Idle]:
    """Yield settings of a phase without effect."""
    for phase in phases(view):
        yield from _mix(view, phase)
        yield from _evaluation(view, phase)
        yield from _balance(view, phase)
        yield from _scales(phase)
        yield from _schedule(phase)


def _schedule(phase: LocatedBlock[Phase]) -> Iterator[Idle]:
    """Yield a learning rate schedule that the optimizer does not use."""
    optimizer, schedule = get(phase.block, "optimizer"), get(phase.block, "schedule")
    if schedule is not None and optimizer is not None and optimizer.sets_own_lr:
        name = optimizer.type_name()
        why = f"`{name}` adapts its learning rate itself"
        also = {f"{phase.path}.optimizer": "reads the rate only at the first step"}
        yield Idle(
            f"{phase.path}.schedule", f"`schedule` of phase `{phase.name}`", why, "read by nothing", also
        )


def _scales(phase: LocatedBlock[Phase]) -> Iterator[Idle]:
    """Yield settings that only another mode of scales uses."""
    scales = get(phase.block, "scales")
    mode, sizes = get(scales, "mode"), get(scales, "sizes")
    path = f"{phase.path}.scales"
    if mode == "joint" and (sizes is None or contains_poison(sizes)):
        return
    joint = mode == "joint" and isinstance(sizes, list) and len(sizes) > 1
    why = "each step has one size"
    if isinstance(mode, str) and not joint and get(scales, "consistency") is not None:
        yield Idle(f"{path}.consistency", "`consistency`", why, "no other size to compare with")
    if isinstance(mode, str) and not joint and get(scales, "materialize") == "eager":
        yield Idle(f"{path}.materialize", "`materialize: eager`", why, "one size at a time anyway")
    if mode in {"joint", "random"} and get(scales, "durations"):
        also = {f"{path}.mode": "not `progressive`"}
        yield Idle(
            f"{path}.durations", "`durations`", f"`{mode}` has no durations", "read by nothing", also=also
        )


def _balance(view: View, phase: LocatedBlock[Phase]) -> Iterator[Idle]:
    """Yield settings that weight tasks against each other if there is only one."""
    blocks = trained_blocks(view, phase.block)
    if blocks is None or any(is_unreadable(block, "weight") or block is None for block in blocks):
        return
    tasks = [name for name, weight in (phase_tasks(view, phase.block) or {}).items() if weight]
    stated = {
        "balance": get(phase.block, "balance"),
        "diagnose.gradients": get(phase.block, "diagnose", "gradients"),
    }
    for name in (name for name, value in stated.items() if value is not None and len(tasks) == 1):
        why = f"it trains only `{tasks[0]}`"
        yield Idle(f"{phase.path}.{name}", f"`{name}` of phase `{phase.name}`", why, "there is only one task")


def _mix(view: View, phase: LocatedBlock[Phase]) -> Iterator[Idle]:
    names = phase_datasets(view, phase.block)
    path = f"{phase.path}.mix"
    if get(phase.block, "mix") is None:
        return
    if len(names) == 1:
        yield Idle(
            path,
            f"`mix` of phase `{phase.name}`",
            f"it trains only on `{names[0]}`",
            "there is only one dataset",
            also={f"datasets.{names[0]}": "the only dataset of the phase"},
        )
    elif isinstance(get(phase.block, "batch_size"), dict):
        yield Idle(
            path,
            f"`mix` of phase `{phase.name}`",
            "`batch_size` states the rows",
            "the fractions are stated already",
            also={f"{phase.path}.batch_size": "rows by dataset"},
        )


def _evaluation(view: View, phase: LocatedBlock[Phase]) -> Iterator[Idle]:
    """Yield an evaluation interval if no dataset of the phase has validation samples."""
    names = phase_datasets(view, phase.block)
    if get(phase.block, "evaluate", "every") is None or not names:
        return
    splits = [view.facts[name].splits if name in view.facts else {} for name in names]
    if all(sizes and not sizes.get("val", 0) for sizes in splits):
        yield Idle(
            f"{phase.path}.evaluate.every",
            "`evaluate.every`",
            "no validation samples are held out",
            "no data to evaluate on",
            also={f"datasets.{name}.split": "no `val` here" for name in names[:2]},
            helps=("hold out samples with `split: {val: 0.1}`, or remove it",),
        )
