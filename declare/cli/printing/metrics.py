"""Final metrics on the terminal: a row per metric, a column per split, and what was expected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from declare.report.data import share
from declare.report.units import figure

if TYPE_CHECKING:
    from rich.console import Console


def render(
    metrics: Mapping[str, float],
    expect: Mapping[str, str],
    console: Console,
    oracle: Mapping[str, float] | None = None,
) -> None:
    """Print `metrics` (`SPLIT/TASK/METRIC` and composites) as one table.

    `oracle` holds the best figures there are, where the data know them.
    """
    from rich.table import Table
    from rich.text import Text

    parts = [(name, *name.partition("/")[::2]) for name in metrics]
    splits = list(dict.fromkeys(split for _, split, rest in parts if rest))
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    table.add_column("metric")
    for split in splits:
        table.add_column(split, justify="right")
    table.add_column("expected" if expect else "")
    for row in dict.fromkeys(rest or split for _, split, rest in parts):
        names = [f"{split}/{row}" for split in splits]
        cells = [figure(metrics[name]) if name in metrics else "" for name in names]
        if row in metrics:  # a composite stands under its own name and has no split
            cells = [figure(metrics[row]), *cells[1:]]
        bounds = ", ".join(f"{name} {expect[name]}" for name in (*names, row) if name in expect)
        table.add_row(*(Text(cell) for cell in (row, *cells, bounds)))
    console.print(table)
    for name, best in (oracle or {}).items():
        words = share(metrics.get(name), best)
        if words and "@" not in name:
            console.print(Text(f"{name}: {words}"))
