"""A search as one self-contained HTML page: how it went, what each value did, the table of trials."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

from declare.contract import strict_json
from declare.diagnostics.output import visible
from declare.language.spec import Space, Tune
from declare.report.number_format import format_number, seconds
from declare.report.render.html import POLICY, section, table
from declare.report.render.line_chart import line_chart
from declare.report.render.scatter_chart import Point, scatter
from declare.report.report import Curve
from declare.tune.search import Trial, best, settings


def render(tune: Tune, trials: Sequence[Trial], importance: Mapping[str, float], name: str) -> str:
    """Return the whole page."""
    css = resources.files("declare.report.render").joinpath("page.css").read_text(encoding="utf-8")
    about = ", ".join(f"{key} {value}" for key, value in settings(tune).items())
    sections = (
        section("Course", _value_chart(tune, trials)),
        section("Values", _values(tune, trials, importance)),
        section("Trials", _trials(tune, trials)),
    )
    return visible(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(name)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{css}</style></head><body><main><header><h1>Search {escape(name)}</h1>"
        f'<p class="mono">{escape(about)}</p></header>{_tiles(tune, trials)}{"".join(sections)}'
        "</main></body></html>\n"
    )


def _tiles(tune: Tune, trials: Sequence[Trial]) -> str:
    winner = best(trials, tune.mode)
    tiles = [(str(len(trials)), "trials")]
    tiles += [
        (str(count), state)
        for state in ("complete", "pruned", "failed", "broken", "stopped", "running")
        if (count := sum(trial.state == state for trial in trials))
    ]
    if winner is not None and winner.value is not None:
        tiles.insert(0, (format_number(winner.value), f"best {tune.metric}, trial {winner.number}"))
    body = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(label)}</span></div>'
        for value, label in tiles
    )
    return f'<div class="tiles">{body}</div>'


def _value_chart(tune: Tune, trials: Sequence[Trial]) -> str:
    """Draw the value of each trial, and the best so far."""
    done = [
        (trial.number, trial.value)
        for trial in trials
        if trial.state == "complete" and trial.value is not None
    ]
    pick = max if tune.mode == "max" else min
    so_far = [
        (number, pick(value for _, value in done[: index + 1])) for index, (number, _) in enumerate(done)
    ]
    curves = (Curve(name=tune.metric, points=tuple(done)), Curve(name="best so far", points=tuple(so_far)))
    return f'<div class="charts"><div>{line_chart(curves)}</div></div>' if done else ""


def _values(tune: Tune, trials: Sequence[Trial], importance: Mapping[str, float]) -> str:
    charts = "".join(_chart(path, space, tune, trials, importance) for path, space in tune.space.items())
    return f'<div class="charts">{charts}</div>'


def _chart(
    path: str, space: Space, tune: Tune, trials: Sequence[Trial], importance: Mapping[str, float]
) -> str:
    points = list(_points(path, trials))
    if not points:
        return ""
    share = f", {importance[path]:.0%} of the variance" if path in importance else ""
    drawn = scatter(points, log=space.log is not None, name=tune.metric)
    return f"<div><h3>{escape(path)}{escape(share)}</h3>{drawn}</div>"


def _points(path: str, trials: Sequence[Trial]) -> Iterator[Point]:
    for trial in trials:
        if trial.value is not None and path in trial.values:
            choice = trial.values[path]
            number = isinstance(choice, int | float) and not isinstance(choice, bool)
            label = f"trial {trial.number}: {_text(choice)}"
            yield Point(
                float(choice) if number else _text(choice),
                trial.value,
                label,
                faint=trial.state != "complete",
            )


def _trials(tune: Tune, trials: Sequence[Trial]) -> str:
    sign = -1 if tune.mode == "max" else 1
    ranked = sorted(
        trials, key=lambda trial: (trial.state != "complete", sign * (trial.value or 0.0), trial.number)
    )
    rows = [
        [
            str(trial.number),
            trial.state
            + (f" ({trial.reason})" if trial.reason and trial.state in {"failed", "broken"} else ""),
            *(_text(trial.values.get(path, "")) for path in tune.space),
            "" if trial.value is None else format_number(trial.value),
            seconds(trial.seconds),
        ]
        for trial in ranked
    ]
    columns = ["trial", "state", *tune.space, tune.metric, "time"]
    return table(columns, rows, 2 + len(tune.space))


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else strict_json.dumps(value)
