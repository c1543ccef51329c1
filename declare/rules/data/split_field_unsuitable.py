"""A field that splits samples must have a suitable type: groups, classes, or split names."""

from collections.abc import Iterator

from declare.contract.problem import Problem
from declare.language.spec import Dataset
from declare.rules.queries.class_counts import smallest_class
from declare.rules.queries.fields import field_layout, field_place
from declare.rules.spec_parts import LocatedBlock, datasets, get
from declare.rules.spec_view import View

CODE = "DAT313"
STAGE = "facts"

_KINDS = {"by": ("id", "category"), "stratify": ("category", "id"), "column": ("id", "category")}


def check(view: View) -> Iterator[Problem]:
    """Yield a problem for each `by`, `stratify` or `column` with an unsuitable field."""
    for dataset in datasets(view):
        for key, layouts in _KINDS.items():
            name = get(dataset.block, "split", key)
            kind = field_layout(view, dataset.name, name) if isinstance(name, str) else None
            if kind is None:
                continue
            if kind[1] not in layouts:
                yield _wrong_kind(view, dataset, key, (name, kind[0]))
            elif key == "by":
                yield from _few_groups(view, dataset, name)
            elif key == "stratify":
                yield from _rare_class(view, dataset, name)


def _wrong_kind(view: View, dataset: LocatedBlock[Dataset], key: str, field: tuple[str, str]) -> Problem:
    name, kind = field
    wanted = "a category" if key == "stratify" else "an id or a category"
    return Problem(
        CODE,
        f"`{key}: {name}` needs {wanted} field, but `{name}` is a {kind} field",
        at=f"{dataset.path}.split.{key}",
        label=f"a {kind} field",
        also={field_place(view, dataset.name, name): f"`{name}` is a {kind} here"},
        helps=("use another field, or remove the key",),
    )


def _few_groups(view: View, dataset: LocatedBlock[Dataset], name: str) -> Iterator[Problem]:
    facts = view.facts.get(dataset.name)
    groups = facts.groups.get(name) if facts is not None else None
    splits = [part for part in ("val", "test") if get(dataset.block, "split", part)]
    if groups is not None and groups <= len(splits):
        yield Problem(
            CODE,
            f"`by: {name}` has {groups} groups for {len(splits) + 1} splits of `{dataset.name}`",
            at=f"{dataset.path}.split.by",
            label="a group is in only one split",
            also={f"{dataset.path}.split.{part}": "needs at least one group" for part in splits},
            helps=("split by a field with more groups, or hold out fewer splits",),
        )


def _rare_class(view: View, dataset: LocatedBlock[Dataset], name: str) -> Iterator[Problem]:
    facts = view.facts[dataset.name].fields.get(name) if dataset.name in view.facts else None
    rare = smallest_class(facts) if facts is not None else None
    splits = [part for part in ("val", "test") if get(dataset.block, "split", part)]
    if rare is not None and rare[1] <= len(splits):
        samples = "1 sample" if rare[1] == 1 else f"{rare[1]} samples"
        yield Problem(
            CODE,
            (
                f"`stratify: {name}` cannot divide class `{rare[0]}` of {samples} among "
                f"{len(splits) + 1} splits"
            ),
            at=f"{dataset.path}.split.stratify",
            label=f"`{rare[0]}` has {samples}",
            also={field_place(view, dataset.name, name): "the field that it splits by"},
            helps=("collect more samples of the class, or remove `stratify`",),
        )
