"""A missing-value mark that never occurs is often misspelt."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place, fields
from declare.rules.spec_parts import get
from declare.rules.spec_view import View

CODE = "DAT378"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each field with missing-value marks that occur in no sample of any split."""
    for dataset, name, facts in fields(view):
        unused = list(map(str, facts.extra.get("unused_marks", ())))
        if not unused or not get(view.spec, "datasets", dataset, "fields", name, "missing"):
            continue  # settings that a source makes for its fields are not mistakes of the spec
        more = f" (and {len(unused) - 1} more)" if len(unused) > 1 else ""
        notes = [f"none of {view.facts[dataset].num_samples} samples contains {', '.join(unused[:8])}"]
        if facts.minimum is not None:
            notes.append(f"values are between {facts.minimum:g} and {facts.maximum:g}")
        yield Problem(
            CODE,
            f"`missing` mark {unused[0][:20]}{more} of `{name[:20]}` never occurs",
            at=f"{field_place(view, dataset, name)}.missing",
            label="no effect",
            notes=tuple(notes),
            helps=("write the mark as in the data, or remove it",),
        )
