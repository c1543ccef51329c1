"""A metric must accept what the task predicts."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.compatible import compatible_names, join_words
from declare.rules.spec_parts import metrics, tasks, type_place
from declare.rules.spec_view import View

CODE = "LOS405"
STAGE = "names"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each metric that does not accept its task's kind of prediction."""
    for task in tasks(view):
        kind, prediction = task.block.type_name(), task.block.prediction
        for metric in metrics(task):
            if prediction in metric.block.takes:
                continue
            yield Problem(
                CODE,
                f"metric `{metric.block.type_name()}` does not fit the {kind} task `{task.name}`",
                at=type_place(metric),
                label=f"takes {' or '.join(sorted(metric.block.takes))}",
                also={f"{task.path}.type": f"predicts {prediction}"},
                helps=(f"use {join_words(compatible_names('metrics', prediction))}",),
            )
