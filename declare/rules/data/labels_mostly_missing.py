"""A target that most training samples lack is learned from very few samples."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place
from declare.rules.queries.missing_labels import labels_missing
from declare.rules.spec_view import View

CODE = "DAT341"
STAGE = "facts"

_MOST = 0.9


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each target that more than nine in ten training samples lack."""
    for count in labels_missing(view):
        if not _MOST * count.samples < count.missing < count.samples:
            continue
        num_labelled = count.samples - count.missing
        yield Problem(
            CODE,
            (
                f"{count.missing} of {count.samples} training samples of `{count.dataset}` lack "
                f"`{count.target}`"
            ),
            at=f"{count.task.path}.target",
            label=f"{num_labelled} labelled samples to learn from",
            also={field_place(view, count.dataset, count.target): "missing in nine of ten samples"},
            notes=("samples without the label still train the other tasks",),
            helps=("check `missing:` and `column:` of the field",),
        )
