"""A comparison on the terminal."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from declare.contract.problem import cut_end
from declare.report.comparison import Comparison, Row, SharedCurve
from declare.report.gradients import is_gradient
from declare.report.number_format import count, format_number, size
from declare.report.plan_differences import Difference
from declare.report.render.terminal import COURSE, curve_text, make_table

_MOST_ROWS = 40
"""Rows of a table of differences; JSON has all of them."""
_WIDEST = 60
_FORMATS = {"count": count, "bytes": size, "number": format_number}


def render(comparison: Comparison, console: Console, *, curves: bool) -> None:
    """Print a comparison, with the curves of runs if they are asked for."""
    tables = [
        _differences("Settings", comparison.labels, comparison.settings),
        _differences("What follows", comparison.labels, comparison.consequences),
        _rows("Cost", comparison.labels, comparison.costs),
        _rows("Final metrics", comparison.labels, comparison.metrics),
        _curves(comparison) if curves else Table(),
    ]
    console.print(Text("  ".join(map(_title, comparison.labels, comparison.status)), style="bold"))
    if not comparison.settings:
        console.print(Text("no setting differs"))
    for table in tables:
        if table.row_count:
            console.print()
            console.print(table)
    if comparison.metrics and comparison.other_samples:
        console.print(Text(other_samples_text(comparison)))


def _title(label: str, status: str) -> str:
    return f"{label} ({status})"


def other_samples_text(comparison: Comparison) -> str:
    """Return that metrics are of different samples, and why."""
    shown = ", ".join(f"`{path}`" for path in comparison.other_samples[:4])
    more = ", ..." if len(comparison.other_samples) > 4 else ""
    return f"the metrics are of different samples, because of {shown}{more}"


def value_text(value: Any) -> str:
    """Return a value of a plan in one short line: a dash for none, blocks by type and settings."""
    if isinstance(value, dict):
        kind = value.get("type")
        parts = [f"{key} {_plain(item)}" for key, item in value.items() if key != "type" and item is not None]
        return cut_end(" ".join(filter(None, (kind, f"({', '.join(parts)})" if parts else ""))), _WIDEST)
    return cut_end(_plain(value), _WIDEST)


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    return str(value)


def row_texts(row: Row) -> list[str]:
    """Return the values of a row as text."""
    return [_FORMATS[row.unit](value) for value in row.values]


def change_text(row: Row) -> str:
    """Return by how much the second of two values is above the first, empty if either is missing or they agree."""
    first, second = row.values[0], row.values[-1]
    if len(row.values) != 2 or first is None or second is None or first == second:
        return ""
    if row.unit == "number":
        return f"{second - first:+.4g}"
    return f"{second / first:.3g}x" if first else ""


def _differences(title: str, labels: Sequence[str], items: Sequence[Difference]) -> Table:
    rows = [(item.path, *map(value_text, item.values)) for item in items[:_MOST_ROWS]]
    if len(items) > _MOST_ROWS:
        rows.append((f"and {len(items) - _MOST_ROWS} more (--format json)", *("" for _ in labels)))
    return make_table(title, (title.lower(), *labels), rows)


def _rows(title: str, labels: Sequence[str], rows: Iterable[Row]) -> Table:
    lines = []
    for row in rows:
        if any(value is not None for value in row.values):
            texts = [f"{text} *" if i in row.best else text for i, text in enumerate(row_texts(row))]
            lines.append((row.name, *texts, change_text(row), trivial_text(row)))
    return make_table(title, ("", *labels, "change", "trivial"), lines, right=1)


def trivial_text(row: Row) -> str:
    """Return what the trivial baselines reach: one value where they agree, empty without one."""
    known = list(dict.fromkeys(format_number(value) for value in row.trivial if value is not None))
    return ", ".join(known)


def _curves(comparison: Comparison) -> Table:
    shown = [
        curve
        for curve in comparison.curves
        if not is_gradient(curve.name) and any(c and len(c.points) > 1 for c in curve.curves)
    ]
    rows = (row for curve in shown for row in _curve_rows(comparison.labels, curve, last_step(shown)))
    return make_table("Curves", ("name", "of", "first", "last", COURSE), rows, right=2)


def last_step(curves: Iterable[SharedCurve]) -> int:
    """Return the last step of any curve: where their axis ends."""
    return max((c.points[-1][0] for curve in curves for c in curve.curves if c), default=0)


def _curve_rows(labels: Sequence[str], shared: SharedCurve, last: int) -> Iterable[Sequence[str]]:
    """Yield a line for each run, all of them over the same range of steps and values."""
    values = [value for curve in shared.curves if curve for _, value in curve.points]
    limits = (min(values), max(values))
    for number, (label, curve) in enumerate(zip(labels, shared.curves, strict=True)):
        if curve is not None:
            name = "" if any(shared.curves[:number]) else shared.name
            line = curve_text(curve.points, last, limits=limits)
            yield (name, label, format_number(curve.points[0][1]), format_number(curve.last), line)
