"""What is wrong with a dataset that was read whole, as findings with paths inside of its block."""

from collections.abc import Iterator, Sequence

from declare.contract.component import plain
from declare.contract.kinds.field import Field
from declare.contract.problem import Problem
from declare.data.check.field_stats import ARRAYS
from declare.data.check.summary import DatasetSummary, Duplicates, FieldSummary, Unreadable, several
from declare.language.spec import Dataset
from declare.parsing.lookup import find

_SHOWN = 20


def dataset_problems(summary: DatasetSummary, dataset: Dataset) -> Iterator[Problem]:
    """Yield the problems of a full reading, the most serious first."""
    yield from _unreadable(summary, dataset)
    if summary.duplicates is not None:
        yield from _duplicates(summary, summary.duplicates)
    for field in summary.fields:
        yield from _of_field(field, dataset)


def _unreadable(summary: DatasetSummary, dataset: Dataset) -> Iterator[Problem]:
    """Yield the problems of samples: by code and field, or as one if the spec skips them."""
    samples = summary.unreadable
    if not samples:
        return
    if _skips(dataset):
        yield _skipped_problem(summary, plain(dataset.on_corrupt)["limit"])
        return
    for code, field in dict.fromkeys((item.code, item.field) for item in samples):
        alike = [item for item in samples if (item.code, item.field) == (code, field)]
        remedies = alike[0].helps if code != "DAT311" else ()
        yield Problem(
            code,
            f"{len(alike)} of {summary.num_samples} samples cannot be read",
            at=_place(field, dataset),
            label="read from here",
            notes=_list_unreadable(alike),
            helps=(
                *(remedies or ("remove or replace the files",)),
                "`on_corrupt: {action: skip, limit: 1%}` leaves them out",
            ),
        )


def _list_unreadable(samples: Sequence[Unreadable]) -> tuple[str, ...]:
    more = (f"and {len(samples) - _SHOWN} more",) if len(samples) > _SHOWN else ()
    return (*(f"{item.where}: {item.reason}" for item in samples[:_SHOWN]), *more)


def _skipped_problem(summary: DatasetSummary, limit: int | str) -> Problem:
    """Return that samples are skipped, or that they are too many for that."""
    samples = summary.unreadable
    number, notes = f"{len(samples)} of {summary.num_samples} samples", _list_unreadable(samples)
    if len(samples) > _allowed_count(limit, summary.num_samples):
        return Problem(
            "DAT332",
            f"{number} cannot be read, `limit: {limit}` allows fewer",
            at="on_corrupt",
            label="at most so many",
            notes=notes,
            helps=("repair or remove the files, or raise the limit",),
        )
    return Problem(
        "DAT373",
        f"{number} cannot be read and are skipped",
        at="on_corrupt",
        label="skipped",
        notes=notes,
        helps=("repair or remove the files",),
    )


def _skips(dataset: Dataset) -> bool:
    return dataset.on_corrupt != "error" and dataset.on_corrupt.action == "skip"


def _allowed_count(limit: int | str, number: int) -> float:
    return float(limit.rstrip("%")) / 100 * number if isinstance(limit, str) else limit


def _place(field: str, dataset: Dataset) -> str:
    return f"fields.{field}" if field in dataset.fields else "source"


def _duplicates(summary: DatasetSummary, duplicates: Duplicates) -> Iterator[Problem]:
    arrays = any(_tells_apart(summary.field(name)) for name in duplicates.fields)
    shown = tuple(map(_group, duplicates.groups[:8]))
    content = (
        f"`{duplicates.fields[0]}`" if len(duplicates.fields) == 1 else f"{len(duplicates.fields)} fields"
    )
    if duplicates.across and arrays:
        yield Problem(
            "DAT370",
            f"{several(duplicates.across, 'sample')} of equal {content} in several splits",
            at="split",
            label="parts samples of equal content",
            notes=shown,
            helps=("keep one of each, or split `by:` a field that equal samples share",),
        )
    elif duplicates.across or duplicates.within:
        where = f", {duplicates.across} of them across splits" if duplicates.across else ""
        yield Problem(
            "DAT371",
            f"{several(duplicates.within + duplicates.across, 'sample')} with the {content} of another{where}",
            at="source",
            label="contains equal samples",
            notes=shown,
            helps=("remove them unless the same values were measured twice",),
        )
    if duplicates.contradicting and arrays:
        yield Problem(
            "DAT372",
            f"{several(duplicates.contradicting, 'sample')} of equal {content} with different targets",
            at="source",
            label="contains contradicting samples",
            notes=shown,
            helps=("correct the labels: no model can give both answers",),
        )


def _tells_apart(field: FieldSummary) -> bool:
    """Return whether an equal value of a field makes two samples the same."""
    component = find("fields", field.type)
    alone = component.tells_apart if component is not None and issubclass(component, Field) else True
    return field.shape.partition("[")[0] in ARRAYS and alone


def _group(places: tuple[str, ...]) -> str:
    more = f" and {len(places) - 4} more" if len(places) > 4 else ""
    return " = ".join(places[:4]) + more


def _of_field(field: FieldSummary, dataset: Dataset) -> Iterator[Problem]:
    place = _place(field.name, dataset)
    if field.infinite:
        yield Problem(
            "DAT316",
            f"`{field.name}` has {several(field.infinite, 'infinite value')}",
            at=place,
            label="not finite",
            helps=("remove them, or list them under the field's `missing`",),
        )
    if field.shared and not dataset.split.by:
        pair, number = max(field.shared.items(), key=lambda item: item[1])
        yield Problem(
            "DAT310",
            f"{number} of {field.distinct} values of `{field.name}` are in {pair.replace('+', ' and in ')}",
            at="split",
            label=f"separates samples of one {field.name}",
            helps=(f"set `split.by: {field.name}` if samples of one {field.name} resemble each other",),
        )
    stated = dataset.fields[field.name].model_fields_set if field.name in dataset.fields else set()
    if field.type == "series" and field.lengths and "length" not in stated:
        yield Problem(
            "DAT350",
            f"samples of `{field.name}` have {field.lengths[0]} to {field.lengths[2]} time steps",
            at=place,
            label="each is read to its own end",
            helps=(
                f"state `length: {field.lengths[2]}` where a module needs one length, or a smaller one to cut",
            ),
        )
