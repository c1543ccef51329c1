"""Samples of one subject in two splits make validation look better than it is."""

from collections.abc import Iterator

from declare.contract.facts import FieldFacts
from declare.contract.problem import Problem, Rewrite
from declare.ir.facts import DatasetFacts
from declare.language.spec import Dataset
from declare.rules.queries.fields import field_layout, field_place
from declare.rules.spec_parts import LocatedBlock, datasets, get, is_unreadable, task_datasets, tasks
from declare.rules.spec_view import View

CODE = "DAT310"
STAGE = "facts"

# Names of what brings its own traits into each of its samples; other ids (a movie, a frame) may be shared.
_GROUPS = (
    *("subject", "patient", "participant", "person", "speaker", "user"),
    *("customer", "animal", "group", "session"),
)


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each dataset that divides samples of one subject between splits."""
    used = {name for task in tasks(view) for name in task_datasets(view, task.block)}
    for dataset in datasets(view):
        facts = view.facts.get(dataset.name)
        if facts is None or dataset.name not in used or is_unreadable(dataset.block, "split"):
            continue
        if get(dataset.block, "split", "by"):
            continue
        for name in _group_fields(view, dataset.name, facts):
            title = _shared_values_text(name, facts.fields[name]) or _at_random(dataset, name, facts)
            if title:
                yield _problem(view, dataset, name, title)
                break


def _group_fields(view: View, dataset: str, facts: DatasetFacts) -> list[str]:
    ids = [name for name in facts.fields if (field_layout(view, dataset, name) or ("", ""))[1] == "id"]
    return [name for name in ids if any(group in name for group in _GROUPS)]


def _shared_values_text(name: str, facts: FieldFacts) -> str:
    """Return how many values occur both in train and in a held-out split, if the facts count them."""
    train = facts.counts.get("train", ())
    for split in ("test", "val"):
        other = facts.counts.get(split, ())
        shared = sum(1 for here, there in zip(train, other, strict=False) if here and there)
        if shared:
            return f"{shared} of {len(train)} values of `{name}` occur in train and in {split}"
    return ""


def _at_random(dataset: LocatedBlock[Dataset], name: str, facts: DatasetFacts) -> str:
    """Return a note that samples are split one by one although several belong to one group."""
    split = dataset.block.split
    drawn = split.column is None and any(
        isinstance(get(split, part), int | float) for part in ("val", "test")
    )
    num_held_out = facts.splits.get("val", 0) + facts.splits.get("test", 0)
    number = facts.fields[name].unique
    if (
        facts.fields[name].counts
        or not drawn
        or not num_held_out
        or not number
        or number >= facts.num_samples
    ):
        return ""
    return f"{facts.num_samples} samples of {number} values of `{name}` are split one by one"


def _problem(view: View, dataset: LocatedBlock[Dataset], name: str, title: str) -> Problem:
    stated = "split" in dataset.block.model_fields_set
    path = f"{dataset.path}.split"
    return Problem(
        CODE,
        title,
        at=path if stated else dataset.path,
        on="value" if stated else "key",
        label=f"may separate samples of one {name}",
        also={field_place(view, dataset.name, name): f"`{name}` groups the samples"},
        helps=(f"set `split.by: {name}`: then no {name} is in two splits",),
        rewrites=(Rewrite(f"set `by: {name}`", f"{path}.by", name, safe=False),),
    )
