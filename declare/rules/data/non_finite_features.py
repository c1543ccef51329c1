"""Inputs and targets that are not finite turn the loss, and then every weight, into NaN."""

from collections.abc import Iterator

from declare.contract.facts import FieldFacts
from declare.contract.kinds.module import Module
from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, fields, input_fields, read_by, target_fields
from declare.rules.spec_parts import LocatedBlock, modules
from declare.rules.spec_view import View

CODE = "DAT316"
STAGE = "shapes"

_LARGEST = (2 - 2**-23) * 2.0**127


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each field with infinite values, and each input with gaps that a module cannot handle."""
    for dataset, name, facts in fields(view):
        if facts.shape.dtype != "float32":
            continue
        if name not in input_fields(view, dataset):
            if (facts.num_nonfinite or _is_beyond(facts)) and name in target_fields(view, dataset):
                yield _infinite_target(view, (dataset, name), facts)
            continue
        readers = [module for module in modules(view) if name in read_by(view, module.name)]
        if facts.num_nonfinite:
            yield _infinite(view, (dataset, name), facts, readers)
            continue
        strict = [module for module in readers if not module.block.accepts_missing]
        if facts.num_missing and strict:
            yield _gaps(view, (dataset, name), facts, strict)


def _infinite(
    view: View, place: tuple[str, str], facts: FieldFacts, readers: list[LocatedBlock[Module]]
) -> Problem:
    dataset, name = place
    values = _count_text(facts)
    return Problem(
        CODE,
        f"input `{name}` of `{dataset}` has {values}",
        at=field_place(view, dataset, name),
        label=f"{values} in this field",
        also={f"{module.path}.input": f"`{module.name}` reads it" for module in readers[:1]},
        helps=(
            "treat them as missing: `missing: [.inf, -.inf]`, and read the field with a `tabular` module",
            "correct the data",
        ),
    )


def _infinite_target(view: View, place: tuple[str, str], facts: FieldFacts) -> Problem:
    dataset, name = place
    return Problem(
        CODE,
        f"target `{name}` of `{dataset}` has {_count_text(facts)}",
        at=field_place(view, dataset, name),
        label="its loss is infinite too",
        helps=("treat them as missing, which losses ignore: `missing: [.inf, -.inf]`", "correct the data"),
    )


def _is_beyond(facts: FieldFacts) -> bool:
    """Return whether finite values exceed the largest float32."""
    return max(abs(facts.minimum or 0.0), abs(facts.maximum or 0.0)) > _LARGEST


def _count_text(facts: FieldFacts) -> str:
    number = facts.num_nonfinite
    if not number:
        return f"values beyond {_LARGEST:.1e}, the largest float32"
    return "an infinite value" if number == 1 else f"{number} infinite values"


def _gaps(
    view: View, place: tuple[str, str], facts: FieldFacts, readers: list[LocatedBlock[Module]]
) -> Problem:
    dataset, name = place
    kind = readers[0].block.type_name()
    return Problem(
        CODE,
        f"input `{name}` of `{dataset}` has {facts.num_missing} gaps, which `{kind}` cannot handle",
        at=field_place(view, dataset, name),
        label=f"missing in {facts.num_missing} of {view.facts[dataset].num_samples} samples",
        also={f"{readers[0].path}.input": f"`{readers[0].name}` reads it"},
        helps=(
            "read it with a `tabular` module first, which learns an embedding for gaps",
            "fill the gaps in the data, or remove the field",
        ),
    )
