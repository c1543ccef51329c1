"""What a search leaves behind: a table, a page, and the best point as a spec that trains as it is."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from declare.compiler.expand import expand
from declare.diagnostics.output import visible
from declare.language.spec import Tune
from declare.runtime.run_folder.durable_io import translate_os_errors, write_durably
from declare.tune.html_page import render
from declare.tune.search import Search, Trial, best

TABLE, PAGE, BEST = "trials.csv", "search.html", "best.yaml"


def write(
    search: Search, tune: Tune, trials: Sequence[Trial], importance: Mapping[str, float]
) -> Path | None:
    """Write table and page, and the best spec if there is one; return its path."""
    with translate_os_errors(search.folder):
        write_durably(search.folder / TABLE, _table(tune, trials).encode())
        write_durably(search.folder / PAGE, render(tune, trials, importance, search.folder.name).encode())
        winner = best(trials, tune.mode)
        if winner is None:
            return None
        write_durably(search.folder / BEST, best_spec(search, tune, winner).encode())
    return search.folder / BEST


def best_spec(search: Search, tune: Tune, winner: Trial) -> str:
    """Return the spec at a point, every default written out, without the search."""
    value = "" if winner.value is None else f": {tune.metric} {winner.value:.6g}"
    body = expand(search.check(winner.values), leave_out=("tune",))
    return f"# The best of a search over {len(tune.space)} values, trial {winner.number}{value}\n{body}"


def _table(tune: Tune, trials: Sequence[Trial]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["trial", "state", tune.metric, "seconds", *tune.space, "reason"])
    for trial in trials:
        value = "" if trial.value is None else repr(trial.value)
        points = [_cell(trial.values.get(path, "")) for path in tune.space]
        writer.writerow([trial.number, trial.state, value, trial.seconds, *points, _cell(trial.reason)])
    return buffer.getvalue()


def _cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = visible(str(value))
    return f"'{text}" if text[:1] in {"=", "+", "@"} or (text[:1] == "-" and not _number(text)) else text


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
