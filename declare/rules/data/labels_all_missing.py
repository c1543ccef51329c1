"""A target without any training labels cannot be learned."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.fields import field_place
from declare.rules.queries.missing_labels import labels_missing
from declare.rules.spec_view import View

CODE = "DAT315"
STAGE = "facts"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each target that every training sample lacks."""
    for count in labels_missing(view):
        if count.missing < count.samples:
            continue
        yield Problem(
            CODE,
            f"all {count.samples} training samples of `{count.dataset}` lack the target `{count.target}`",
            at=f"{count.task.path}.target",
            label="no label to learn from",
            also={
                field_place(view, count.dataset, count.target): f"{count.missing} of {count.samples} missing"
            },
            helps=("check `missing:`, `column:` and the split of the data",),
        )
