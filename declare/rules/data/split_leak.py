"""Samples of one subject in two splits make validation look better than it is."""

from __future__ import annotations

from collections.abc import Iterator

from declare.contract.data import FieldFacts
from declare.contract.problem import Problem, Rewrite
from declare.ir.facts import DatasetFacts
from declare.rules.fields import field_layout, field_place
from declare.rules.parts import datasets, given, task_datasets, tasks
from declare.rules.view import View

CODE = "DAT310"
STAGE = "facts"

# Names of what brings its own traits into each of its samples; other ids (a movie, a frame) may be shared.
_GROUPS = (
    "subject",
    "patient",
    "participant",
    "person",
    "speaker",
    "user",
    "customer",
    "animal",
    "group",
    "session",
)


def check(view: View) -> Iterator[Problem]:
    """Yield each dataset that splits samples of one subject."""
    used = {name for task in tasks(view) for name in task_datasets(view, task.block)}
    for dataset in datasets(view):
        facts = view.facts.get(dataset.name)
        if facts is None or dataset.name not in used or given(dataset.block, "split", "by"):
            continue
        for name in _group_fields(view, dataset.name, facts):
            shared, splits = _shared(facts.fields[name])
            if not shared:
                continue
            stated = given(view.spec, "datasets", dataset.name, "split") is not None
            path = f"{dataset.path}.split"
            yield Problem(
                CODE,
                f"{shared} of {facts.fields[name].unique or len(facts.fields[name].classes or ())} values of "
                f"`{name}` stand in {' and '.join(splits)}",
                at=path if stated else dataset.path,
                on="value" if stated else "key",
                label=f"splits samples of one {name}",
                also={field_place(view, dataset.name, name): f"`{name}` says whose a sample is"},
                helps=(f"set `split.by: {name}`: no {name} in two splits",),
                rewrites=(Rewrite(f"set `by: {name}`", f"{path}.by", name, safe=False),),
            )
            break


def _group_fields(view: View, dataset: str, facts: DatasetFacts) -> list[str]:
    ids = [name for name in facts.fields if (field_layout(view, dataset, name) or ("", ""))[1] == "id"]
    return [name for name in ids if any(group in name for group in _GROUPS)]


def _shared(facts: FieldFacts) -> tuple[int, tuple[str, ...]]:
    """Return how many values stand in train and in a held-out split, and the two splits."""
    train = facts.counts.get("train", ())
    for split in ("test", "val"):
        other = facts.counts.get(split, ())
        shared = sum(1 for here, there in zip(train, other, strict=False) if here and there)
        if shared:
            return shared, ("train", split)
    return 0, ()
