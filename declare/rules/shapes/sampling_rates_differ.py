"""A module that several datasets share counts in steps, which are other durations at another sampling rate."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place
from declare.rules.spec_parts import get, items
from declare.rules.spec_view import View

CODE = "SHP547"
STAGE = "shapes"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each shared module that reads series at different known sampling rates."""
    for node in view.nodes.values():
        if node.per_dataset:
            continue
        rates = [
            (dataset, wire.name, rate)
            for dataset in node.datasets
            for wire in node.wires_of(dataset)
            if wire.source == "field" and (rate := _rate(view, dataset, wire.name)) is not None
        ]
        others = [item for item in rates if item[0] != rates[0][0] and item[2] != rates[0][2]]
        if others:
            yield _problem(view, node.name, rates[0], others[0])


def _rate(view: View, dataset: str, field: str) -> float | None:
    """Return the sampling rate of a field after its transforms, in Hz; None if it is not stated."""
    facts = view.facts[dataset].fields.get(field)
    block = get(view.spec, "datasets", dataset)
    for item in items(block, f"datasets.{dataset}", "transforms") if facts is not None else ():
        if field in (get(item.block, "field"), *(get(item.block, "fields") or ())):
            facts = item.block.facts_after(facts)
    return None if facts is None else facts.rate


def _problem(view: View, module: str, one: tuple[str, str, float], other: tuple[str, str, float]) -> Problem:
    return Problem(
        CODE,
        f"`{module[:24]}` reads series at {one[2]:g} Hz in `{one[0][:12]}` but {other[2]:g} Hz in `{other[0][:12]}`",
        at=field_place(view, *other[:2]),
        label="a step is another duration",
        also={field_place(view, *one[:2]): f"{one[2]:g} Hz"},
        helps=(
            f"bring both to one rate: `transforms: [{{type: resample, field: {other[1]}, rate: {one[2]:g}}}]`",
            f"or state `per_dataset: true` in `{module}`",
        ),
    )
