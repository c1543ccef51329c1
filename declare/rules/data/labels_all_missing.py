"""A target whose training labels are all missing teaches nothing."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place
from declare.rules.queries.missing_labels import labels_missing
from declare.rules.spec_view import View

CODE = "DAT315"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield each target that no training sample has."""
    for count in labels_missing(view):
        if count.missing < count.samples:
            continue
        yield Problem(
            CODE,
            f"all {count.samples} training samples of `{count.dataset}` miss the target `{count.target}`",
            at=f"{count.task.path}.target",
            label="no label to learn from",
            also={
                field_place(view, count.dataset, count.target): f"{count.missing} of {count.samples} missing"
            },
            helps=("check `missing:`, `column:` and the split of the data",),
        )
