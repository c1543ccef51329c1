"""A target that nearly all training samples lack is learned from very few."""

from __future__ import annotations

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place
from declare.rules.queries.missing_labels import labels_missing
from declare.rules.spec_view import View

CODE = "DAT341"
STAGE = "facts"

_MOST = 0.9


def check(view: View) -> Iterator[Problem]:
    """Yield each target that more than nine in ten training samples lack."""
    for found in labels_missing(view):
        if not _MOST * found.samples < found.missing < found.samples:
            continue
        left = found.samples - found.missing
        yield Problem(
            CODE,
            f"{found.missing} of {found.samples} training samples of `{found.dataset}` miss `{found.target}`",
            at=f"{found.task.path}.target",
            label=f"{left} labelled samples to learn from",
            also={field_place(view, found.dataset, found.target): "missing in nine of ten samples"},
            notes=("samples without the label train the other tasks and are left out of this one",),
            helps=("check `missing:` and `column:` of the field",),
        )
