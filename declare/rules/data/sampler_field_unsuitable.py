"""A field that orders samples must have a suitable type: classes to balance, numbers to weight or rank."""

from collections.abc import Iterator
from typing import Any

from declare.contract.kinds.sampler import Sampler
from declare.contract.problem import Problem
from declare.language.spec import Phase
from declare.rules.queries.fields import field_layout, field_place
from declare.rules.spec_parts import LocatedBlock, get, phase_datasets, phases
from declare.rules.spec_view import View

CODE = "DAT343"
STAGE = "links"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each field that a phase's sampler reads and cannot use."""
    for phase in phases(view):
        sampler = get(phase.block, "sampler")
        if isinstance(sampler, Sampler):
            yield from _wrong_kinds(view, phase, sampler)
            yield from _none_fits(view, phase, sampler)


def _none_fits(view: View, phase: LocatedBlock[Phase], sampler: Sampler) -> Iterator[Problem]:
    for dataset in phase_datasets(view, phase.block):
        facts, shapes = view.facts.get(dataset), view.shapes.get(dataset, {})
        stated = set(get(view.spec, "datasets", dataset, "fields") or ())
        if facts is None or (stated | set(facts.fields)) - set(shapes):
            continue  # a field that could not be read may be the one that fits
        if set(sampler.columns()) - set(shapes):
            continue  # a name of no field is reported where names are looked up
        suited = sampler.with_fields(shapes)
        if isinstance(suited, Problem):
            yield suited.with_prefix(f"{phase.path}.sampler")
            return


def _wrong_kinds(view: View, phase: LocatedBlock[Phase], sampler: Any) -> Iterator[Problem]:
    wanted = " or ".join(f"`{layout}`" for layout in sampler.layouts)
    for key, name in sampler:
        for dataset in phase_datasets(view, phase.block) if isinstance(name, str) else ():
            kind = field_layout(view, dataset, name)
            if name in sampler.columns() and kind is not None and kind[1] not in (sampler.layouts or kind):
                yield Problem(
                    CODE,
                    f"sampler `{sampler.type_name()}` needs a {wanted} field, but `{name}` is `{kind[0]}`",
                    at=f"{phase.path}.sampler.{key}",
                    label=f"a {kind[0]} field",
                    also={field_place(view, dataset, name): f"`{name}` is a {kind[0]} here"},
                    helps=("use a field of that type, or another sampler",),
                )
