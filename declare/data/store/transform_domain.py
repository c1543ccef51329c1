"""Values of a field that have no image under one of its transforms."""

from collections.abc import Iterator

from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array
from declare.data.read import cache
from declare.data.store.dataset import Pool
from declare.data.store.statistics import fit_field, in_transform
from declare.data.store.target_statistics import TargetQuery, target_statistics
from declare.ir.plan import DatasetPlan

_VERSION = 1
_ROWS = 512
_HEAVY = 256
"""Samples of each split that are decoded from files."""


def outside_domain(plan: DatasetPlan, path: str, field: str) -> tuple[Problem, ...]:
    """Return what transforms of the dataset at `path` make nothing of, in any split.

    Of a field in files a few samples of each split are looked at. What is found to be whole is kept in the user's
    cache.
    """
    pool = Pool(plan, path)
    light = pool.is_light(field)
    try:
        if light and not any(pool.batch_transforms(field, split) for split in pool.rows_by_split):
            target_statistics(plan, path, TargetQuery(field, exact=False))
            return ()
    except ProblemError as error:
        return error.problems
    key = cache.key(
        _VERSION, pool.identity(field), plan.split, plan.fields[field].block, field, plan.transforms
    )
    place = cache.folder("domains", f"{key}.json")
    if cache.read_text(place) is None:
        problems = _problems(pool, field, None if light else _HEAVY)
        if problems:
            return problems
        cache.write_text(place, "{}")
    return ()


def _problems(pool: Pool, field: str, most: int | None) -> tuple[Problem, ...]:
    """Return what the transforms make nothing of, of `most` samples of each split."""
    whole = most is None or len(pool.rows_by_split["train"]) <= most
    try:
        statistics = fit_field(pool, field) if whole else None
        for split, rows in pool.rows_by_split.items():
            for values in _blocks(pool, field, rows[:most]):
                problems = _of_values(pool, (field, split), values, statistics)
                if problems:
                    return problems
    except ProblemError:
        pass  # what cannot be read is reported by its own check
    return ()


def _blocks(pool: Pool, field: str, rows: Array) -> Iterator[Array]:
    for start in range(0, len(rows), _ROWS):
        yield pool.encoded_values(field, rows[start : start + _ROWS])


def _of_values(
    pool: Pool, place: tuple[str, str], values: Array, statistics: dict[str, dict[str, list[float]]] | None
) -> tuple[Problem, ...]:
    """Return what a transform makes nothing of: up to the first that draws, or whose statistics are not known."""
    field, split = place
    for index, transform in pool.of_field(field, split):
        if not transform.has_apply() or (transform.fitted and statistics is None):
            return ()
        try:
            values = transform.apply(values, (statistics or {}).get(f"{index}.{field}", {}))
        except ProblemError as error:
            return tuple(in_transform(problem, pool, place, index) for problem in error.problems)
    return ()
