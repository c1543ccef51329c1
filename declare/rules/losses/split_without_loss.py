"""A held-out split without counting samples leaves its loss undefined."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.rules.queries.class_counts import splits_without_counts, uncounted_note
from declare.rules.queries.missing_labels import no_target_note, tasks_without_labels
from declare.rules.queries.pairings import splits_without_positives
from declare.rules.spec_parts import tasks
from declare.rules.spec_view import View

CODE = "DAT398"
STAGE = "links"


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each held-out split in which a task's loss will not be a number."""
    for name, loss, counts, split in splits_without_counts(view):
        if split != "train":
            yield _problem(f"{split}/{name}/loss", loss.path, uncounted_note(counts, split))
    for split in ("val", "test"):
        for task, dataset in tasks_without_labels(view, split):
            name = f"{task.name}@{dataset}" if dataset else task.name
            yield _problem(f"{split}/{name}/loss", task.path, no_target_note(task, split, dataset))
    paths = {task.name: task.path for task in tasks(view)}
    for (name, split), words in splits_without_positives(view):
        if split != "train":
            yield _problem(f"{split}/{name}/loss", paths[name], f"of the {split} samples {words}")


def _problem(metric: str, at: str, note: str) -> Problem:
    return Problem(
        CODE,
        f"`{metric}` will not be a number",
        at=at,
        on="key",
        label="no sample counts in it",
        notes=(note,),
        helps=("hold out other samples, or more",),
    )
