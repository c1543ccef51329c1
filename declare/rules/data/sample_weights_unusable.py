"""The weights that samples are drawn by are 0 or more, and not all 0."""

from __future__ import annotations

from collections.abc import Iterator

from declare.contract.data import FieldFacts
from declare.contract.problem import Problem
from declare.rules.parts import given, phase_datasets, phases
from declare.rules.view import View

CODE = "DAT344"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield each `weighted` sampler whose field holds what is no weight."""
    for phase in phases(view):
        sampler = given(phase.block, "sampler")
        name = given(sampler, "field")
        if not isinstance(name, str) or sampler.type_name() != "weighted":
            continue
        for dataset in phase_datasets(view, phase.block):
            facts = view.facts[dataset].fields.get(name) if dataset in view.facts else None
            title = _fault(name, facts) if facts is not None else None
            if title is not None:
                yield Problem(
                    CODE,
                    title,
                    at=f"{phase.path}.sampler.field",
                    label=f"read in dataset `{dataset}`",
                    helps=("give each sample a finite weight of 0 or more",),
                )


def _fault(name: str, facts: FieldFacts) -> str | None:
    if facts.num_nonfinite:
        return f"{facts.num_nonfinite} weights in `{name}` are infinite"
    if facts.minimum is not None and facts.minimum < 0:
        return f"`{name}` goes down to {facts.minimum:g} but weights are 0 or more"
    if facts.maximum is not None and facts.maximum == 0:
        return f"`{name}` is 0 for every training sample, so none can be drawn"
    return None
