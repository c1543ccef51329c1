"""Samples are paired by what some of them share: one subject only, or a name for each sample, leaves no pair."""

from __future__ import annotations

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.contract.training import Sampler
from declare.rules.parts import given, phase_datasets, phases
from declare.rules.view import View

CODE = "DAT353"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield each sampler of pairs for which the data hold none."""
    for phase in phases(view):
        sampler = given(phase.block, "sampler")
        pairing = sampler.pairing() if isinstance(sampler, Sampler) else None
        for dataset in phase_datasets(view, phase.block) if pairing else ():
            assert pairing is not None
            found = _problem(view, dataset, *pairing)
            if found is not None:
                yield found.under(f"{phase.path}.sampler")
                break


def _problem(view: View, dataset: str, same: tuple[str, ...], different: str | None) -> Problem | None:
    facts = view.facts.get(dataset)
    if facts is None:
        return None
    if different in same:
        title = f"no two samples agree in `{different}` and differ in it"
        return Problem(
            CODE, title, at="different", label="stands in `same` too", helps=("name another field",)
        )
    one = facts.fields.get(different or "")
    if one is not None and one.unique == 1:
        title = f"all samples of `{dataset}` have one `{different}`: none is a partner for another"
        helps = ("train on data of two or more", "remove `different`")
        return Problem(CODE, title, at="different", label="one value only", helps=helps)
    for index, name in enumerate(same):
        field = facts.fields.get(name)
        if field is not None and field.unique is not None and field.unique >= facts.num_samples > 0:
            title = f"every sample of `{dataset}` has a `{name}` of its own: no two agree in it"
            words = "name a field that samples share, such as a movie"
            return Problem(CODE, title, at=f"same.{index}", label="never the same twice", helps=(words,))
    return None
