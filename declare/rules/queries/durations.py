"""Every duration that a phase states, with what it times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from declare.contract.duration import Duration
from declare.language.spec import Phase
from declare.rules.spec_parts import Placed, given


class Timed(NamedTuple):
    """A duration of the spec; `kind` is interval, patience, until, warmup or within (a component)."""

    path: str
    duration: Duration
    kind: str
    what: str


def durations(phase: Placed[Phase]) -> Iterator[Timed]:
    """Yield the durations of a phase."""
    yield from _one(phase, ("evaluate", "every"), "interval", "evaluation")
    yield from _one(phase, ("checkpoint", "every"), "interval", "saving a checkpoint")
    yield from _one(phase, ("early_stop", "patience"), "patience", "the patience of early stopping")
    for index, _ in enumerate(given(phase.block, "freeze") or ()):
        yield from _one(phase, ("freeze", index, "until"), "until", "thawing")
    yield from _inside(phase, "schedule")
    yield from _inside(phase, "sampler")


def _one(phase: Placed[Phase], names: tuple[str | int, ...], kind: str, what: str) -> Iterator[Timed]:
    duration = given(phase.block, *names)
    if isinstance(duration, Duration):
        yield Timed(".".join((phase.path, *map(str, names))), duration, kind, what)


def _inside(phase: Placed[Phase], slot: str) -> Iterator[Timed]:
    component: Any = given(phase.block, slot)
    for name, value in component or ():
        if isinstance(value, Duration):
            kind = "warmup" if name == "warmup" else "within"
            yield Timed(f"{phase.path}.{slot}.{name}", value, kind, f"`{name}` of {component.type_name()}")
