"""A search on the terminal: its trials from the best down."""

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from declare.report.number_format import format_number, seconds
from declare.tune.run import SearchOutcome
from declare.tune.search import Trial

_SHOWN = 12


def render(outcome: SearchOutcome, tune: dict[str, Any], console: Console) -> None:
    """Print up to twelve trials, the best first, and how much of the variance each path explains."""
    paths = list(tune["space"])
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    names = [path.rpartition(".")[2] for path in paths]
    for name in ("trial", "state", tune["metric"], *names, "time"):
        table.add_column(name, justify="left" if name == "state" else "right")
    for trial in _rank_trials(outcome, tune["mode"])[:_SHOWN]:
        value = "" if trial.value is None else format_number(trial.value)
        cells = (str(trial.number), trial.state, value)
        points = (short(trial.values.get(path, "")) for path in paths)
        time = seconds(trial.seconds) if trial.seconds else ""
        table.add_row(*(Text(cell) for cell in (*cells, *points, time)))
    console.print(table)
    num_more = len(outcome.trials) - _SHOWN
    if num_more > 0:
        console.print(f"and {num_more} more in trials.csv")
    undone = [trial for trial in outcome.trials if trial.state in {"failed", "broken"}]
    if undone:
        console.print(
            Text(f"{len(undone)} of {len(outcome.trials)} trials failed; the first: {undone[0].reason}")
        )
    if outcome.importance:
        shares = ", ".join(f"{path} {share:.0%}" for path, share in outcome.importance.items())
        console.print(f"explained by: {shares}")


def _rank_trials(outcome: SearchOutcome, mode: str) -> list[Trial]:
    sign = -1 if mode == "max" else 1
    return sorted(
        outcome.trials,
        key=lambda trial: (trial.state != "complete", sign * (trial.value or 0.0), trial.number),
    )


def short(value: Any) -> str:
    """Return a value of a search, a number with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
