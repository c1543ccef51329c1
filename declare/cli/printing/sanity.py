"""Results of training on one batch in each phase, on the terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from declare.report.number_format import format_number
from declare.runtime.profiling.overfit_check import Trial


def render(trials: Sequence[Trial], console: Console) -> None:
    """Print a row for each loss of each phase, then whether the batch was learned."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    for name in ("phase", "loss"):
        table.add_column(name)
    for name in ("starts at", "expected", "ends at"):
        table.add_column(name, justify="right")
    table.add_column("")
    for trial in trials:
        verdict = "learns" if trial.falls else "does not learn"
        cells = (trial.phase, "all", format_number(trial.first), "", format_number(trial.last), verdict)
        table.add_row(*(Text(cell) for cell in cells))
        for name, (value, expected) in trial.starts.items():
            about = "" if expected is None else format_number(expected)
            odd = "odd" if name in trial.odd else ""
            end = format_number(trial.ends[name]) if name in trial.ends else ""
            table.add_row(*(Text(cell) for cell in ("", name, format_number(value), about, end, odd)))
    console.print(table)
