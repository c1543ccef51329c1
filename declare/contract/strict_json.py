"""JSON as its standard has it: numbers that it has no word for (NaN, infinities) are null."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def finite(value: Any) -> Any:
    """Return plain values with None in the place of numbers that are not finite; paths and keys as text."""
    if isinstance(value, dict):
        return {_key(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value


def _key(key: Any) -> Any:
    return key if key is None or isinstance(key, bool) else str(key)


def dumps(value: Any, **options: Any) -> str:
    """Return `json.dumps(value, **options)`, with null if a number is not finite."""
    try:
        return json.dumps(value, allow_nan=False, **options)
    except (TypeError, ValueError):  # seldom: most values are not walked through twice
        return json.dumps(finite(value), allow_nan=False, **options)


def with_nan(metrics: Mapping[str, float | None]) -> dict[str, float]:
    """Return metrics as before they were written: NaN in place of null."""
    return {name: math.nan if value is None else value for name, value in metrics.items()}
