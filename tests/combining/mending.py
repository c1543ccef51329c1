"""Mends a spec by its findings: what an error points at is drawn anew or left out."""

from __future__ import annotations

import random
from typing import Any

from declare.parsing.annotation import TypeSpec
from declare.parsing.lookup import find
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
            steps = steps_of(path)
            if number > 1 and (item := _item(steps)):
                spec = without(spec, item)
            else:
                spec = _mend(growth, spec, steps, forms, drop=number > 0 or draw.random() < 0.5)
        errors = errors_of(spec)
    return spec, errors


def _item(steps: Steps) -> Steps:
    """Return the item of a list, or the key of a phase, in which a path lies and which a spec can do without."""
    index = next((at for at, step in enumerate(steps) if at > 1 and isinstance(step, int)), None)
    if index is not None and steps[0] in {"datasets", "phases"}:
        return steps[: index + 1]
    return steps[:3] if steps[0] == "phases" and len(steps) > 2 and not _needed(steps[:3]) else ()


def _mend(growth: Growth, spec: Spec, steps: Steps, forms: dict[Steps, TypeSpec], *, drop: bool) -> Spec:
    """Draw what stands at a path anew, or leave it out."""
    while steps and get(spec, steps) is None:
        steps = steps[:-1]
    if steps in _OPTIONAL:
        return without(spec, steps)
    if len(steps) < 2:
        return spec
    if steps[-1] == "type":
        steps = steps[:-1]
    if steps[0] == "phases" and steps[2:] == (
        "steps",
    ):  # beside `epochs`, or too few for what counts in them
        spec = without(spec, (*steps[:2], "epochs"))
    if steps[0] == "phases" and steps[2:] == ("batch_size",):
        return changed(spec, steps, growth.draw.choice([4, 6, 8, 12]))
    if steps[0] == "tasks" and steps[2:] == ("target",):
        task = get(spec, steps[:2])
        made = growth.target(task["type"], task.get("dataset") or task["datasets"][0])
        return spec if made is NOTHING else changed(spec, steps, made)
    if steps[0] == "tasks" and steps[2:3] == ("datasets",):  # one that learns from one dataset alone
        task = get(spec, steps[:2])
        alone = {key: part for key, part in task.items() if key != "datasets"}
        return changed(spec, steps[:2], alone | {"dataset": task["datasets"][0]})
    if steps[0] == "tasks":
        return changed(spec, steps[:2], _plainer(get(spec, steps[:2]), steps[2:]))
    if drop and not _needed(steps):
        return without(spec, steps)
    item = forms.get(steps)
    if item is None:
        return spec
    made = _anew(growth, spec, steps, item)
    return spec if made is NOTHING else changed(spec, steps, made)


_OPTIONAL = {("tracking",), ("hardware",), ("expect",), ("metrics",)}
"""Sections that a spec can do without."""


def _needed(steps: Steps) -> bool:
    """Return whether a spec must say something at a path: whole sections and names of blocks."""
    return len(steps) <= 2 or steps[-1] in {"optimizer", "source", "batch_size", "steps"}


_LINKS = ("type", "dataset", "datasets", "target", "input")


def _plainer(task: Spec, steps: Steps) -> Spec:
    """Return a task without what an error points at; its head keeps what it reads."""
    if steps and steps[0] in task and steps[0] not in {*_LINKS, "head"}:
        return without(task, steps[:1])
    head = task.get("head")
    links = {key: part for key, part in task.items() if key in _LINKS}
    if isinstance(head, dict) and "input" in head:
        default = getattr(find("tasks", task["type"]), "default_head", "linear")
        links["head"] = {"type": default, "input": head["input"]}
    return links


def _anew(growth: Growth, spec: Spec, steps: Steps, item: TypeSpec) -> Any:
    """Return what is drawn anew at a path; modules and sources keep their type and what they read."""
    old = get(spec, steps)
    slots = [option.slot for option in item.options if option.slot and option.origin is None]
    if slots and isinstance(old, dict) and slots[0] in {"modules", "sources"}:
        links = {"input": old["input"]} if "input" in old else {}
        return growth.ordinary.component(slots[0], old["type"], bare=0.9) | links
    shown = old if isinstance(old, int | float) and not isinstance(old, bool) else NOTHING
    return growth.ordinary.value(str(steps[-1]), item, shown)
