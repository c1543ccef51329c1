"""Whether times have a time of day, as those of training have."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from declare.components.fields._times import Times
from declare.contract.problem import Problem
from declare.contract.shapes import Array

_CLOCK_FEATURES = frozenset({"minute", "hour", "days", "seconds"})
"""Features that differ between two times of one day."""
_RARE = 0.01
"""A share of times at midnight that a column with times of day may have."""


def clock_counts(column: Times, local: Array) -> dict[str, int]:
    """Return the number of times, of dates alone, and of times at midnight; `local` are clock times [rows]."""
    gone, midnights = np.isnat(local), _at_midnight(local)
    return {
        "known": int((~gone).sum()),
        "dates": int(column.dates.sum()),
        "midnights": int(midnights.sum()),
    }


def _at_midnight(local: Array) -> Array:
    return np.asarray(local == local.astype("datetime64[D]"))


def partly_dates(features: Sequence[str], clock: Mapping[str, int]) -> Iterator[Problem]:
    """Yield DAT403 for a column in which some times are dates alone, and others not at midnight."""
    if _CLOCK_FEATURES & set(features) and clock.get("dates") and clock["midnights"] < clock["known"]:
        yield _midnight(
            f"{clock['dates']} of {clock['known']} times have no time of day",
            "state their time of day, or list them under `missing` if it is not known",
        )


def all_at_midnight(
    features: Sequence[str], new: Mapping[str, int], clock: Mapping[str, int]
) -> Iterator[Problem]:
    """Yield DAT403 for several new times that are all at midnight, where hardly one of training (`clock`) was."""
    rare = clock.get("midnights", 1) < _RARE * clock.get("known", 0)
    if _CLOCK_FEATURES & set(features) and rare and 1 < new["known"] == new["midnights"]:
        yield _midnight(
            f"all {new['known']} times examined are at midnight",
            "if their time of day was lost on the way, predict times that have it",
        )


def other_clock(
    features: Sequence[str], column: Times, local: Array, clock: Mapping[str, int]
) -> Problem | None:
    """Return the problem (DAT383) of new dates alone beside times of day in training (`clock`), or the reverse."""
    if not _CLOCK_FEATURES & set(features) or not clock.get("known"):
        return None
    if clock["midnights"] == clock["known"]:
        wrong, has, had = ~np.isnat(local) & ~_at_midnight(local), "a", "none"
    else:
        wrong, has, had = column.dates & (not clock["dates"]), "no", "one"
    if not wrong.any():
        return None
    return Problem(
        "DAT383",
        f"{wrong.sum()} of these times have {has} time of day, but those of training had {had}",
        label="what time of day?",
        helps=("write times like the training data",),
        row=int(wrong.argmax()),
    )


def _midnight(title: str, help_text: str) -> Problem:
    return Problem(
        "DAT403",
        title,
        label="read as midnight",
        notes=("`hour`, `minute`, `days` and `seconds` depend on it",),
        helps=(help_text,),
    )
