"""Calendar features: positions of a point in time within its day, week and year."""

from collections.abc import Sequence

import numpy as np

from declare.contract.shapes import Array

CYCLES = ("minute", "hour", "weekday", "day", "month", "day_of_year")
_DIGITS = 12
"""Decimals of a sine or cosine: equal positions get equal values in spite of rounding."""
_DAY = np.timedelta64(1, "D")


def names_of(features: Sequence[str]) -> list[str]:
    """Return the names of the feature columns: sine and cosine for a cyclic feature, else one column."""
    return [
        name
        for feature in features
        for name in ((f"{feature}_sin", f"{feature}_cos") if feature in CYCLES else (feature,))
    ]


def columns(features: Sequence[str], local: Array, instants: Array, origin: np.datetime64) -> Array:
    """Return float64 [rows, columns] for local times and instants, NaN where the time is missing.

    `days` and `seconds` are counted from `origin`.
    """
    gone = np.isnat(local)
    local = np.where(gone, np.datetime64(0, "us"), local).astype("datetime64[us]")
    parts: list[Array] = []
    for feature in features:
        if feature in CYCLES:
            angle = 2 * np.pi * _CYCLE[feature](local)
            parts += [np.sin(angle).round(_DIGITS), np.cos(angle).round(_DIGITS)]
        elif feature == "year":
            parts.append(local.astype("datetime64[Y]").astype(np.int64) + 1970.0)
        else:
            since = (np.where(gone, origin, instants) - origin) / np.timedelta64(1, "us")
            parts.append(since / (1e6 if feature == "seconds" else 86_400e6))
    table = np.stack(parts, axis=1).astype(np.float64)
    table[gone] = np.nan
    return table


def _of_day(time: Array) -> Array:
    """Return the fraction of the day that has passed."""
    return np.asarray((time - time.astype("datetime64[D]")) / _DAY)


def _day_number(time: Array) -> Array:
    return np.asarray(time.astype("datetime64[D]").astype(np.int64))


def _of_month(time: Array) -> Array:
    month = time.astype("datetime64[M]")
    first, after = month.astype("datetime64[D]"), (month + np.timedelta64(1, "M")).astype("datetime64[D]")
    return np.asarray((time.astype("datetime64[D]") - first) / (after - first))


def _of_year(time: Array) -> Array:
    year = time.astype("datetime64[Y]")
    first, after = year.astype("datetime64[D]"), (year + np.timedelta64(1, "Y")).astype("datetime64[D]")
    return np.asarray((time.astype("datetime64[D]") - first) / (after - first))


_CYCLE = {
    "minute": lambda time: (_of_day(time) * 24) % 1,
    "hour": _of_day,
    "weekday": lambda time: ((_day_number(time) + 3) % 7) / 7,  # 1970 began on a Thursday
    "day": _of_month,
    "month": lambda time: (time.astype("datetime64[M]").astype(np.int64) % 12) / 12,
    "day_of_year": _of_year,
}
"""Position within a cycle, as a fraction; 0 is the full hour, midnight, Monday, the first of the month, January."""
