"""Splits: which rows train, which validate, which test. A pure function of the seed."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from declare.contract.files.listing import split_of
from declare.contract.files.split_folders import refuse_two_names
from declare.contract.problem import Problem, ProblemError
from declare.contract.shapes import Array

Rows = Array
SPLITS = ("train", "val", "test")


def fractions(split: Mapping[str, Any]) -> dict[str, float]:
    """Return the fraction of each split; training gets the rest unless it is stated.

    A block that states no share at all (`{by: subject}`) holds a tenth out for validation.
    """
    if all(split.get(name) is None for name in SPLITS):
        return {"train": 0.9, "val": 0.1, "test": 0.0}
    shares = {name: float(split.get(name) or 0) for name in ("val", "test")}
    train = split.get("train")
    return {"train": 1 - sum(shares.values()) if train is None else float(train)} | shares


def assign(
    num_samples: int, split: Mapping[str, Any], columns: Mapping[str, Rows], seed: int
) -> dict[str, Rows]:
    """Return the sorted rows of each split that is asked for.

    `split` is the block of the spec; `columns` holds encoded columns of the fields that it names. Raises
    `ProblemError` DAT313 (too few groups) and DAT314 (no samples for a split).
    """
    if split.get("column"):
        raise AssertionError("a split by column is assigned by its names")
    shares = {name: share for name, share in fractions(split).items() if share > 0 or name == "train"}
    generator = np.random.default_rng([seed, 0x5911])
    strata = columns[split["stratify"]] if split.get("stratify") else np.zeros(num_samples, np.int64)
    if split.get("by"):
        rows = _by_group(columns[split["by"]], strata, shares, generator, str(split["by"]))
    else:
        rows = _by_stratum(strata, shares, generator)
    refuse_empty(rows, num_samples)
    return {name: np.sort(split_rows) for name, split_rows in rows.items()}


def by_column(values: Rows, names: tuple[str, ...]) -> dict[str, Rows]:
    """Return the rows of each split from a column of split names (indices into `names`).

    Raises `ProblemError` DAT314 for a name that is not a split, DAT323 for two names of one split (`val`, `valid`).
    """
    refuse_two_names("the split column", sorted({name.strip().lower() for name in names}), "split.column")
    rows: dict[str, Rows] = {}
    for index, name in enumerate(names):
        place = split_of(name.strip())
        if place is None:
            number = int((values == index).sum())
            raise ProblemError(
                Problem(
                    "DAT314",
                    f"the split column contains `{name[:20]}` in {number} rows, which is not a split",
                    at="split.column",
                    helps=("use the values `train`, `val` and `test`",),
                )
            )
        rows[place] = np.concatenate(
            [rows.get(place, np.zeros(0, np.int64)), np.flatnonzero(values == index)]
        )
    rows.setdefault("train", np.zeros(0, np.int64))
    refuse_empty(rows, len(values), at="split.column")
    return {name: np.sort(rows[name]) for name in SPLITS if name in rows}


def apportion(number: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Divide `number` by shares with the largest remainder; what the shares leave over is left out."""
    exact = {name: number * share for name, share in shares.items()}
    sizes = {name: int(value + 1e-9) for name, value in exact.items()}
    remainder = round(sum(exact.values())) - sum(sizes.values())
    for name in sorted(exact, key=lambda key: sizes[key] - exact[key])[: max(remainder, 0)]:
        sizes[name] += 1
    return sizes


def _by_stratum(strata: Rows, shares: Mapping[str, float], generator: np.random.Generator) -> dict[str, Rows]:
    """Divide every stratum by the shares while the totals stay those of the whole."""
    total = apportion(len(strata), shares)
    assigned = dict.fromkeys(shares, 0)
    rows: dict[str, list[Rows]] = {name: [] for name in shares}
    seen = 0
    for stratum in np.unique(strata):
        members = generator.permutation(np.flatnonzero(strata == stratum))
        seen += len(members)
        # Cumulative targets: rounding of one stratum is made good by the next.
        wanted = {name: total[name] * seen / len(strata) - assigned[name] for name in shares}
        sizes = _round_sizes(wanted, len(members), sum(shares.values()))
        start = 0
        for name, size in sizes.items():
            rows[name].append(members[start : start + size])
            assigned[name] += size
            start += size
    return {name: np.concatenate(parts) if parts else np.zeros(0, np.int64) for name, parts in rows.items()}


def _round_sizes(wanted: Mapping[str, float], available: int, whole: float) -> dict[str, int]:
    """Round wanted sizes so that they fit into `available`, all of it if the shares sum to one."""
    sizes = {name: max(0, int(value + 1e-9)) for name, value in wanted.items()}
    target = (
        available if whole > 1 - 1e-9 else min(available, round(sum(max(0.0, v) for v in wanted.values())))
    )
    by_need = sorted(wanted, key=lambda name: sizes[name] - wanted[name])
    while sum(sizes.values()) < target:
        for name in by_need[: target - sum(sizes.values())]:
            sizes[name] += 1
    while sum(sizes.values()) > target:
        largest = max(sizes, key=lambda name: sizes[name])
        sizes[largest] -= 1
    return sizes


def _by_group(
    groups: Rows, strata: Rows, shares: Mapping[str, float], generator: np.random.Generator, field: str
) -> dict[str, Rows]:
    """Give whole groups to splits, the largest first, each where the sizes come nearest to the targets."""
    names, index = np.unique(groups, return_inverse=True)
    if len(names) < len(shares):
        raise ProblemError(
            Problem(
                "DAT313",
                f"`{field}` has {len(names)} group{'s' * (len(names) != 1)} for {len(shares)} splits",
                at="split.by",
                label="groups never cross a split",
                helps=("ask for fewer splits, or split by another field",),
            )
        )
    kinds, kind = np.unique(strata, return_inverse=True)
    sizes = np.zeros((len(names), len(kinds)))
    np.add.at(sizes, (index, kind), 1)
    order = generator.permutation(len(names))
    order = order[np.argsort(-sizes[order].sum(axis=1), kind="stable")]
    places = list(shares)
    targets = np.outer([shares[place] for place in places], sizes.sum(axis=0))
    filled = np.zeros_like(targets)
    chosen = np.zeros(len(names), np.int64)
    for group in order:
        gap = targets - filled
        # Squared distance to the targets falls by this much if the split takes the group.
        gain = (2 * gap * sizes[group] - sizes[group] ** 2).sum(axis=1)
        best = int(np.argmax(gain))
        chosen[group] = best
        filled[best] += sizes[group]
    _fill_empty(chosen, sizes.sum(axis=1), len(places))
    return {place: np.flatnonzero(chosen[index] == number) for number, place in enumerate(places)}


def _fill_empty(chosen: Rows, sizes: Rows, num_places: int) -> None:
    """Give the smallest group of the split with most groups to a split that got none."""
    for place in range(num_places):
        if not (chosen == place).any():
            richest = int(np.argmax(np.bincount(chosen, minlength=num_places)))
            members = np.flatnonzero(chosen == richest)
            chosen[members[np.argmin(sizes[members])]] = place


def refuse_empty(rows: Mapping[str, Rows], num_samples: int, at: str = "split") -> None:
    """Raise `ProblemError` DAT314 if a split has no samples."""
    for name, split_rows in rows.items():
        if not len(split_rows):
            raise ProblemError(
                Problem(
                    "DAT314",
                    f"`{name}` gets none of the {num_samples} samples",
                    at=at,
                    label="too small a share",
                    helps=("hold out a larger fraction, or none",),
                )
            )
