"""Numbers as people read them."""

import math
from collections.abc import Mapping


def count(number: float | None) -> str:
    """Return `1.2 M` for 1,234,567; a dash for None."""
    if number is None:
        return "-"
    for limit, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(number) >= limit:
            return f"{number / (limit if limit != 1e4 else 1e3):.3g} {suffix}"
    return f"{number:,.0f}"


def size(num_bytes: float | None) -> str:
    """Return `1.2 MB` (powers of ten) for a number of bytes; a dash for None."""
    return "-" if num_bytes is None else f"{count(num_bytes)}B" if num_bytes >= 1e4 else f"{num_bytes:.0f} B"


def seconds(value: float) -> str:
    """Return a time with its unit: microseconds to hours."""
    for limit, factor, suffix in (
        (1e-3, 1e6, "us"),
        (1.0, 1e3, "ms"),
        (120.0, 1.0, "s"),
        (7200.0, 1 / 60, "min"),
    ):
        if value < limit:
            return f"{value * factor:.3g} {suffix}"
    return f"{value / 3600:.3g} h"


def format_number(value: float | None) -> str:
    """Return a metric with four significant digits; a dash for one that is undefined."""
    return "-" if value is None or math.isnan(value) else f"{value:.4g}"


def counts_text(counts: Mapping[str, int]) -> str:
    """Return `3 hidden, 1,200 links` for counts by what they count."""
    return ", ".join(f"{number:,} {what}" for what, number in counts.items())
