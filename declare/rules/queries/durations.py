"""Every duration that a phase states, with its purpose."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from declare.contract.duration import Duration
from declare.language.spec import Phase
from declare.rules.spec_parts import LocatedBlock, get


class StatedDuration(NamedTuple):
    """A duration of the spec; `kind` is interval, patience, until, warmup or within (a component)."""

    path: str
    duration: Duration
    kind: str
    what: str


def durations(phase: LocatedBlock[Phase]) -> Iterator[StatedDuration]:
    """Yield the durations of a phase."""
    yield from _one(phase, ("evaluate", "every"), "interval", "evaluation")
    yield from _one(phase, ("checkpoint", "every"), "interval", "saving a checkpoint")
    yield from _one(phase, ("early_stop", "patience"), "patience", "the patience of early stopping")
    for index, _ in enumerate(get(phase.block, "freeze") or ()):
        yield from _one(phase, ("freeze", index, "until"), "until", "thawing")
    yield from _component_durations(phase, "schedule")
    yield from _component_durations(phase, "sampler")


def _one(
    phase: LocatedBlock[Phase], names: tuple[str | int, ...], kind: str, what: str
) -> Iterator[StatedDuration]:
    duration = get(phase.block, *names)
    if isinstance(duration, Duration):
        yield StatedDuration(".".join((phase.path, *map(str, names))), duration, kind, what)


def _component_durations(phase: LocatedBlock[Phase], slot: str) -> Iterator[StatedDuration]:
    component: Any = get(phase.block, slot)
    for name, value in component or ():
        if isinstance(value, Duration):
            kind = "warmup" if name == "warmup" else "within"
            yield StatedDuration(
                f"{phase.path}.{slot}.{name}", value, kind, f"`{name}` of {component.type_name()}"
            )
