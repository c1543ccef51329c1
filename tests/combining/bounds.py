"""Specs with one parameter at the edge of what it allows, for each parameter of each component."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from declare.contract.forms import Form, fields
from declare.contract.lookup import find, kinds, names
from tests.combining.data import Place
from tests.combining.growing import Growth
from tests.combining.mending import mended
from tests.combining.places import Steps, changed, get, parameters
from tests.combining.values import edges
from tests.combining.writing import Spec

_LONG = {"steps", "epochs"}
"""Lengths of training: many steps are no mistake, but take their time."""
_MACHINE = {"devices", "nodes", "accelerator", "strategy", "compile"}
"""What asks for other machines, or for minutes of a compiler."""


def targets() -> list[tuple[str, str, str]]:
    """Return kind, name and key of every parameter of every component that runs nobody's code."""
    found = []
    for kind in kinds():
        for name in names(kind):
            cls = find(kind, name)
            if cls is not None and not cls.trusted_only:
                found += [(kind, name, key) for key in fields(cls)]
    return found


def spec_at_an_edge(
    places: Sequence[Place], targets: Sequence[tuple[str, str, str]], draw: random.Random
) -> Spec:
    """Return a spec in which one parameter, mostly of the component that is drawn, has a value at an edge."""
    kind, name, key = draw.choice(targets)
    growth = Growth(draw, places, {kind: name})
    spec, _ = mended(growth, growth.grow(), draw)
    known = dict(parameters(spec))
    able = [steps for steps in known if steps[-1] == key and _is(spec, steps[:-1], known, kind, name)]
    if not able or draw.random() < 0.2:
        able = [steps for steps in known if steps[-1] not in _MACHINE]
    steps = draw.choice(able)
    typed = draw.random() < 0.85  # values of another kind are refused, which a few of them show
    values = [value for value in edges(known[steps], strange=not typed) if not _too_long(steps, value)]
    return changed(spec, steps, draw.choice(values or [None]))


def _is(spec: Spec, steps: Steps, known: dict[Steps, Form], kind: str, name: str) -> bool:
    """Return whether a component of this kind and name stands at a path."""
    item = known.get(steps)
    block = get(spec, steps)
    stated: Any = block.get("type") if isinstance(block, dict) else None
    return item is not None and stated == name and any(option.slot == kind for option in item.options)


def _too_long(steps: Steps, value: Any) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return bool(steps[-1] in _LONG and number and value > 20)
