"""A mark for missing values that never occurs is often another one than the data hold."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, fields
from declare.rules.spec_parts import get
from declare.rules.spec_view import View

CODE = "DAT378"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield each field with marks that stand in no sample of any split."""
    for dataset, name, facts in fields(view):
        unused = list(map(str, facts.extra.get("unused_marks", ())))
        if not unused or not get(view.spec, "datasets", dataset, "fields", name, "missing"):
            continue  # what a source says of its own fields is no mistake of the spec
        more = f" (and {len(unused) - 1} more)" if len(unused) > 1 else ""
        notes = [f"none of {view.facts[dataset].num_samples} samples holds {', '.join(unused[:8])}"]
        if facts.minimum is not None:
            notes.append(f"values are from {facts.minimum:g} to {facts.maximum:g}")
        yield Problem(
            CODE,
            f"`missing` mark {unused[0][:20]}{more} of `{name[:20]}` occurs nowhere",
            at=f"{field_place(view, dataset, name)}.missing",
            label="masks no value",
            notes=tuple(notes),
            helps=("write the mark as the data have it, or remove it",),
        )
