"""Statistics of module outputs, on the terminal: a row for each, and what is suspicious."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from declare.report.number_format import format_number
from declare.runtime.inference.activations import Activity, Inspection

_SATURATED = 0.5
"""Fraction of values at the bounds from which a module is called saturated."""


def render(inspection: Inspection, console: Console) -> None:
    """Print a table of the modules in the order of execution, then what is wrong."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    shown = [column for column in _COLUMNS if any(column.cell(item) for item in inspection.activities)]
    for column in shown:
        table.add_column(column.name, justify=column.justify, no_wrap=True, overflow="fold")
    for item in inspection.activities:
        table.add_row(*(Text(column.cell(item)) for column in shown))
    console.print(table)
    for line in _warnings(inspection):
        console.print(line)


class _Column(NamedTuple):
    name: str
    cell: Callable[[Activity], str]
    justify: Literal["left", "right"] = "right"


def _range(item: Activity) -> str:
    return f"{format_number(item.low)} .. {format_number(item.high)}" if item.count else ""


_COLUMNS = (
    _Column("module", lambda item: item.name, "left"),
    _Column("type", lambda item: item.type, "left"),
    _Column("shape", lambda item: f"[{', '.join(map(str, item.shape))}]", "left"),
    _Column("mean", lambda item: format_number(item.mean) if item.count else ""),
    _Column("std", lambda item: format_number(item.std) if item.count else ""),
    _Column("range", _range),
    _Column("zeros", lambda item: f"{item.zeros / item.count:.0%}" if item.count else ""),
    _Column("dead", lambda item: f"{item.dead}/{item.units}" if item.dead else ""),
    _Column("at bounds", lambda item: "" if item.saturated_share is None else f"{item.saturated_share:.0%}"),
    _Column("not finite", lambda item: f"{item.nonfinite:,}" if item.nonfinite else ""),
)


def _warnings(inspection: Inspection) -> list[str]:
    lines = []
    if inspection.source is not None:
        lines.append(f"first output that is not finite: {inspection.source} (its input is finite)")
    dead = [item for item in inspection.activities if item.dead]
    if dead:
        lines.append(
            f"units that are never active: {', '.join(f'{item.name} {item.dead}' for item in dead[:6])}"
        )
    full = [item for item in inspection.activities if (item.saturated_share or 0) > _SATURATED]
    if full:
        lines.append(f"mostly at their bounds: {', '.join(item.name for item in full[:6])}")
    return lines or [f"nothing suspicious in {inspection.num_samples} samples"]
