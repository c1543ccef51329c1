"""What can be read of a dataset whose block is wrong in parts: the fields and sizes that do not depend on these."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from declare.compiler.stages import NamedSpec, ReadSpec
from declare.contract.problem import Problem
from declare.ir.facts import DatasetFacts
from declare.language.spec import Corrupt, Dataset
from declare.parsing.poison import POISON, contains_poison
from declare.rules.spec_parts import LocatedBlock

_ANY = Corrupt.model_construct(action="skip", limit="100%")


class Readable(NamedTuple):
    """A dataset's block with defaults in place of what is wrong and without wrong fields.

    `whole` means that nothing is wrong, `sized` that its splits have the sizes that they would have then.
    """

    block: Dataset
    whole: bool
    sized: bool


def readable(stage: ReadSpec, dataset: LocatedBlock[Any]) -> Readable | None:
    """Return what can be read of a dataset; None if nothing can."""
    block, path = dataset.block, dataset.path
    wrong = stage.wrong_parts(path)
    if contains_poison(block.source) or block.fields is POISON or {"source", "fields"} & wrong:
        return None
    lost = {name for name, field in block.fields.items() if contains_poison(field) or _of_name(name) in wrong}
    lost |= _aligned_with(block.fields, lost)
    if lost and len(lost) == len(block.fields):
        return None
    split = block.split
    named = () if contains_poison(split) else (split.by, split.stratify, split.column)
    changes: dict[str, Any] = {"fields": {k: v for k, v in block.fields.items() if k not in lost}}
    if contains_poison(split) or "split" in wrong or lost & set(named):
        changes["split"] = Dataset.model_fields["split"].default
    if contains_poison(block.limit):
        changes["limit"] = None
    if contains_poison(block.on_corrupt):
        changes["on_corrupt"] = _ANY
    whole = not lost and len(changes) == 1
    return Readable(block.model_copy(update=changes), whole, sized=len(changes) == 1)


def values_known(stage: NamedSpec, dataset: str) -> bool:
    """Return whether nothing is wrong with a dataset, so that its values after transforms mean something."""
    block = stage.spec.datasets[dataset]
    whole = (
        dataset not in stage.partial and not contains_poison(block) and not contains_poison(stage.spec.seed)
    )
    return whole and not stage.wrong_parts(f"datasets.{dataset}")


def _of_name(name: str) -> str:
    """Return the name of a field for `wrong_parts`; a name with a dot is invalid and wrong itself."""
    return f"fields.{name.partition('.')[0]}"


def without_wrong_parts(known: Readable, problems: Sequence[Problem]) -> Readable | None:
    """Return the data without the fields, or the split, that contradict them; None for other problems."""
    block = known.block
    if all(problem.at.partition(".")[0] == "split" for problem in problems):
        default = Dataset.model_fields["split"].default
        changed = block.model_copy(update={"split": default})
        return Readable(changed, whole=False, sized=False) if block.split is not default else None
    names = [problem.at.split(".")[1] for problem in problems if problem.at.startswith("fields.")]
    lost = {*names, *_aligned_with(block.fields, set(names))}
    left = {name: field for name, field in block.fields.items() if name not in lost}
    split = block.split
    gone = len(block.fields) - len(left)
    if len(names) < len(problems) or not left or not gone or {split.by, split.stratify, split.column} & lost:
        return None
    return Readable(block.model_copy(update={"fields": left}), whole=False, sized=known.sized)


def _aligned_with(fields: Mapping[str, Any], lost: set[str]) -> set[str]:
    """Return the fields whose values are aligned with the words of a field that cannot be read."""
    readable_fields = {name: field for name, field in fields.items() if not contains_poison(field)}
    return {name for name, field in readable_fields.items() if field.aligned_with() in lost}


def facts_of(known: Readable, facts: DatasetFacts) -> DatasetFacts:
    """Return facts without what would be another thing in the whole dataset."""
    if known.sized:
        return facts
    fields = {name: item.model_copy(update={"counts": {}}) for name, item in facts.fields.items()}
    counted = (
        "splits",
        "missing",
        "groups",
        "refused_orders",
        "positives",
        "constant_splits",
        "split_ranges",
    )
    unknown: dict[str, Any] = {key: {} for key in counted}
    return facts.model_copy(update={"fields": fields} | unknown)


def readable_problems(known: Readable, problems: Sequence[Problem]) -> Iterator[Problem]:
    """Yield the problems of a block that the data show, except in parts that the user did not write."""
    for problem in problems:
        if known.whole or not problem.at.startswith("split"):
            yield problem
