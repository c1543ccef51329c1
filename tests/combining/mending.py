"""Mends a spec by its findings: what an error points at is drawn anew or left out."""

from __future__ import annotations

import random
from typing import Any

from declare.contract.forms import Form
from tests.combining.growing import Growth
from tests.combining.places import Steps, changed, get, parameters, steps_of, without
from tests.combining.values import NOTHING
from tests.combining.writing import Spec, errors_of

_ROUNDS = 7


def mended(growth: Growth, spec: Spec, draw: random.Random) -> tuple[Spec, list[tuple[str, str]]]:
    """Return a spec with as few errors as some rounds bring about, and the errors that are left."""
    errors = errors_of(spec)
    for number in range(_ROUNDS):
        if not errors:
            break
        forms = dict(parameters(spec))
        for path, _ in errors[:6]:
            spec = _mend(growth, spec, steps_of(path), forms, drop=number > 2 or draw.random() < 0.5)
        errors = errors_of(spec)
    return spec, errors


def _mend(growth: Growth, spec: Spec, steps: Steps, forms: dict[Steps, Form], *, drop: bool) -> Spec:
    """Draw what stands at a path anew, or leave it out."""
    while steps and get(spec, steps) is None:
        steps = steps[:-1]
    if len(steps) < 2:
        return spec
    key = steps[-1]
    if key == "type":
        steps = steps[:-1]
    if drop and not _needed(spec, steps):
        return without(spec, steps)
    item = forms.get(steps)
    if item is None:
        return spec
    made = _anew(growth, spec, steps, item)
    return spec if made is NOTHING else changed(spec, steps, made)


def _needed(spec: Spec, steps: Steps) -> bool:
    """Return whether a spec must say something at a path: whole sections and names of blocks."""
    return len(steps) <= 2 or steps[-1] in {"optimizer", "source", "dataset", "batch_size", "target"}


def _anew(growth: Growth, spec: Spec, steps: Steps, item: Form) -> Any:
    old = get(spec, steps)
    shown = old if isinstance(old, int | float) and not isinstance(old, bool) else NOTHING
    slots = [option.slot for option in item.options if option.slot and option.origin is None]
    if slots and isinstance(old, dict) and slots[0] in {"modules", "tasks", "sources"}:
        links = {key: old[key] for key in ("input", "dataset", "target") if key in old}
        return growth.ordinary.component(slots[0], old["type"], bare=0.9) | links
    return growth.ordinary.value(str(steps[-1]), item, shown)
