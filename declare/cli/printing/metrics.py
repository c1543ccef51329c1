"""Final metrics on the terminal: a row per metric, a column per split, and what was expected."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from declare.report.number_format import format_number
from declare.report.report import share
from declare.runtime.run_folder.trivial_baseline import split_baseline


def render(
    metrics: Mapping[str, float],
    expect: Mapping[str, str],
    console: Console,
    oracle: Mapping[str, float] | None = None,
    trained_earlier: Mapping[str, str] | None = None,
) -> None:
    """Print `metrics` (`SPLIT/TASK/METRIC` and composites) as one table, with those of the trivial baseline.

    `oracle` contains the best possible metrics, if the data define them; `trained_earlier` the last phase
    that trained a task, if a later one did not.
    """
    model, trivial = split_baseline(metrics)
    parts = [(name, *name.partition("/")[::2]) for name in model]
    splits = list(dict.fromkeys(split for _, split, rest in parts if rest))
    compared = [split for split in splits if any(name.startswith(f"{split}/") for name in trivial)]
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    table.add_column("metric")
    for split in splits:
        table.add_column(split, justify="right")
        if split in compared:
            table.add_column("trivial", justify="right", style="dim")
    table.add_column("expected" if expect else "")
    table.add_column("trained last in" if trained_earlier else "")
    for row in dict.fromkeys(rest or split for _, split, rest in parts):
        names = [f"{split}/{row}" for split in splits]
        cells = []
        for index, (split, name) in enumerate(zip(splits, names, strict=True)):
            # A composite has its own name and has no split.
            shown = row if row in model and index == 0 else name
            cells.append(format_number(model[shown]) if shown in model else "")
            if split in compared:
                cells.append(format_number(trivial[shown]) if shown in trivial else "")
        bounds = ", ".join(f"{name} {expect[name]}" for name in (*names, row) if name in expect)
        phase = (trained_earlier or {}).get(row.partition("/")[0].partition("@")[0], "")
        table.add_row(*(Text(cell) for cell in (row, *cells, bounds, phase)))
    console.print(table)
    for name, best in (oracle or {}).items():
        words = share(model.get(name), best)
        if words and "@" not in name:
            console.print(Text(f"{name}: {words}"))
