"""Facts of a dataset, kept by fingerprint so that a second reading needs neither the data nor numpy."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from declare import __version__
from declare.contract.component import plain
from declare.contract.kinds.field import Field, Uses, resolve_fields
from declare.contract.kinds.source import file_stamp
from declare.contract.problem import Problem, ProblemError
from declare.data.read import cache
from declare.data.read.fingerprints import remember_stamp, source_fingerprints
from declare.ir.facts import DatasetFacts
from declare.language.spec import Dataset
from declare.parsing.read_component import read_component

_VERSION = 12
"""Raised when facts are gathered in another way, so that kept ones are read again."""


def gather(name: str, dataset: Dataset, seed: int, uses: Uses | None = None) -> DatasetFacts:
    """Return the facts of the dataset called `name`; `seed` is used if its split states none.

    `uses` is what tasks do with it, which settles what fields leave open. Raises `ProblemError`; the problems' paths
    are inside the dataset's block.
    """
    split = plain(dataset.split)
    uses = uses or Uses()
    dataset = dataset.model_copy(update={"fields": resolve_fields(dataset.fields, uses)})
    stamps = list(filter(None, (_stamp(name, field) for name, field in dataset.fields.items())))
    portable, local = source_fingerprints(dataset.source, split)
    fingerprint = cache.key(
        _VERSION,
        __version__,
        portable,
        plain(dataset.source),
        plain(dataset.fields),
        split,
        seed if split.get("seed") is None else 0,
        dataset.limit,
        plain(dataset.on_corrupt),
        *((list(uses), stamps) if any(uses) or stamps else ()),
    )
    remember_stamp(fingerprint, local)
    place = cache.folder("facts", f"{cache.key(fingerprint, local)}.json")
    kept = cache.read_text(place)
    if kept is not None:
        try:
            known = DatasetFacts.model_validate_json(kept)
        except ValidationError:
            known = None
        if known is not None and all(
            file_stamp(Path(file)) == mark for file, mark in known.looked_at.items()
        ):
            return known
        place.unlink(missing_ok=True)
    from declare.data.facts.examine import examine

    seeded = split | {"seed": seed if split.get("seed") is None else split["seed"]}
    facts = examine(name, dataset, seeded, (fingerprint, uses))
    cache.write_text(place, facts.model_dump_json())
    return facts


def _stamp(name: str, field: Field) -> str:
    """Return what changes with the files that a field names."""
    try:
        return field.stamp()
    except ProblemError as error:
        raise ProblemError(*(item.with_prefix(f"fields.{name}") for item in error.problems)) from None


def compare(dataset: Dataset, facts: DatasetFacts) -> Iterator[Problem]:
    """Yield problems of fields that contradict the data; paths are inside the dataset's block."""
    for name, field_facts in facts.fields.items():
        field = read_component("fields", facts.blocks[name])
        for problem in field.compare(field_facts):
            yield (
                problem.with_prefix(f"fields.{name}")
                if name in dataset.fields
                else replace(problem, at="source")
            )
