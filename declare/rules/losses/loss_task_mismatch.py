"""A loss must accept what the task's head predicts."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.compatible import compatible_names, join_words
from declare.rules.spec_parts import losses, tasks, type_place
from declare.rules.spec_view import View

CODE = "LOS402"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each loss that does not accept its task's kind of prediction."""
    for task in tasks(view):
        kind, prediction = task.block.type_name(), task.block.prediction
        for loss in losses(task):
            if prediction in loss.block.takes:
                continue
            fits = compatible_names("losses", prediction)
            yield Problem(
                CODE,
                f"loss `{loss.block.type_name()}` does not fit the {kind} task `{task.name}`",
                at=type_place(loss),
                label=f"takes {' or '.join(sorted(loss.block.takes))}",
                also={f"{task.path}.type": f"predicts {prediction}"},
                helps=(f"use {join_words(fits)}, or remove `loss`", *_other_types(loss.block.takes, kind)),
            )


def _other_types(takes: frozenset[str], kind: str) -> tuple[str, ...]:
    task_types = sorted(
        {name for prediction in takes for name in compatible_names("tasks", prediction)} - {kind}
    )
    return (
        (f"change the task's type to {join_words(task_types)} if that is what it should predict",)
        if task_types
        else ()
    )
