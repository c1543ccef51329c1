"""What a full reading of a dataset found: serialisable, numpy-free."""

from typing import Any

from pydantic import BaseModel, ConfigDict

FORMAT = "1.0"


class Part(BaseModel):
    """A part of a summary."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Unreadable(Part):
    """An unreadable sample: its split, the field, its place, the reason, and the code and helps."""

    split: str
    field: str
    where: str
    reason: str
    code: str = "DAT311"
    helps: tuple[str, ...] = ()


class FieldSummary(Part):
    """What was found in a field.

    `missing` counts samples without a value by split, `nan` samples with a gap inside, `infinite` values that are
    not finite. `counts` is class -> split -> samples (pixels for masks). `shared` is "train+val" -> values of an id
    that are in both. `lengths` are the shortest, median and longest sample if they differ. `histogram` holds
    counts of equal bins from `minimum` to `maximum`.
    """

    name: str
    type: str
    shape: str
    missing: dict[str, int] = {}
    nan: int = 0
    infinite: int = 0
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    std: float | None = None
    histogram: tuple[int, ...] = ()
    lengths: tuple[int, int, int] | None = None
    counts: dict[str, dict[str, int]] = {}
    distinct: int | None = None
    shared: dict[str, int] = {}


class Duplicates(Part):
    """Samples of equal content.

    `fields` make the content. `within` counts samples that repeat an earlier one of their split, `across` content
    that is in several splits, `contradicting` content with several values of a target. `groups` shows some,
    with the place of each sample; those across splits first.
    """

    fields: tuple[str, ...]
    within: int = 0
    across: int = 0
    contradicting: int = 0
    groups: tuple[tuple[str, ...], ...] = ()


class DatasetSummary(Part):
    """A dataset: sizes of its splits, fields, samples that cannot be read, duplicates.

    `passed_over` counts files and rows of the source that are not read, by reason.
    """

    name: str
    source: str
    num_samples: int
    splits: dict[str, int]
    fields: tuple[FieldSummary, ...]
    unreadable: tuple[Unreadable, ...] = ()
    duplicates: Duplicates | None = None
    passed_over: dict[str, int] = {}

    def field(self, name: str) -> FieldSummary:
        """Return the field called `name`."""
        return next(field for field in self.fields if field.name == name)


def as_dict(summaries: dict[str, DatasetSummary]) -> dict[str, Any]:
    """Return plain values by dataset."""
    return {name: summary.model_dump(mode="json") for name, summary in summaries.items()}


def several(number: int, what: str) -> str:
    """Return a number with what it counts."""
    return f"{number:,} {what}{'s' * (number != 1)}"
