"""A curriculum's limit must leave samples from its start on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from declare.contract.data import FieldFacts
from declare.contract.problem import Problem
from declare.rules.parts import given, phase_datasets, phases
from declare.rules.view import View

CODE = "DAT345"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield each end of a `curriculum` that lies beyond all scores."""
    for phase in phases(view):
        sampler = given(phase.block, "sampler")
        name, start, end = (given(sampler, key) for key in ("score", "start", "end"))
        if name is None or start is None or end is None or sampler.type_name() != "curriculum":
            continue
        for dataset in phase_datasets(view, phase.block):
            facts = view.facts[dataset].fields.get(name) if dataset in view.facts else None
            if facts is not None and _beyond(facts, start, end):
                yield _empty(f"{phase.path}.sampler.start", sampler, dataset, facts)


def _beyond(facts: FieldFacts, start: float, end: float) -> bool:
    """Return whether no sample is on the near side of `start`: then there is none for the first epoch."""
    if facts.minimum is None or facts.maximum is None:
        return False
    return start > facts.maximum if start >= end else start < facts.minimum


def _empty(path: str, sampler: Any, dataset: str, facts: FieldFacts) -> Problem:
    side = "at least" if sampler.start >= sampler.end else "at most"
    return Problem(
        CODE,
        f"no training sample has a `{sampler.score}` of {side} {sampler.start:g}",
        at=path,
        label="shows no sample",
        notes=(f"in dataset `{dataset}` scores go from {facts.minimum:g} to {facts.maximum:g}",),
        helps=("start the limit within the scores",),
    )
