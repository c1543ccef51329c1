"""Search for better values: many runs of one spec, and the best of them as a spec."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from declare.cli import findings, options, terminal
from declare.cli.failure import FINDINGS, CommandError
from declare.contract.trust import allow_downloads

if TYPE_CHECKING:
    from declare.tune.run import InvalidPointError, SearchOutcome
    from declare.tune.search import Trial

_LATEST = "latest"


def command(
    spec: options.SpecFile,
    *,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Overrides `tune.trials`.", show_default=False)
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that run trials side by side.")] = 1,
    run_dir: Annotated[
        Path | None, typer.Option(help="The folder of the search: new or empty.", show_default=False)
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Continue the search in this folder.", show_default=False),
    ] = None,
    format: options.TextOrJson = "text",
    set_: options.Set = None,
    trust: options.Trust = None,
) -> int:
    """Search for better values: many runs of one spec, and the best of them as a spec.

    The `tune` section says what is varied and what is searched for. All points are checked before the first
    trial. The folder holds a run for each trial, `trials.csv`, `search.html` and `best.yaml`. Exit codes: 0
    done, 1 findings in the spec, 4 no trial came to its end, 75 stopped; `--resume` continues.
    """
    as_json = format == "json"
    if resume is not None and run_dir is not None:
        raise CommandError("--resume and --run-dir contradict each other", hint="--resume takes the folder")
    sets = [*(set_ or ()), *([f"tune.trials={trials}"] if trials else [])]
    allow_downloads()
    plan, checked = findings.plan(spec, sets, trust, as_json=as_json)
    if plan.tune is None:
        raise CommandError("the spec has no `tune` section", hint="add one: `dcl schema spec` shows its keys")
    with findings.reported(checked, as_json=as_json):
        from declare.tune.run import InvalidPointError, search
        from declare.tune.search import Search

        wanted = Search(spec, tuple(sets), tuple(trust or ()), resume or run_dir or Path())
        tell = (lambda _: None) if as_json else _say
        try:
            outcome = search(wanted, checked, resume=resume is not None, workers=workers, emit=tell)
        except InvalidPointError as error:
            return _refuse(error, as_json=as_json)
    _close(outcome, plan.tune, as_json=as_json)
    return outcome.status


def _say(trial: Trial) -> None:
    """Print a line when a trial ends."""
    value = "" if trial.value is None else f" {trial.value:.5g}"
    shown = ", ".join(f"{path.rpartition('.')[2]} {_short(item)}" for path, item in trial.values.items())
    reason = f" ({trial.reason})" if trial.state == "failed" else ""
    terminal.say(f"trial {trial.number:>3}: {trial.state}{value}{reason}  [{shown}]  {trial.seconds:.1f} s")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _refuse(error: InvalidPointError, *, as_json: bool) -> int:
    """Print at which points the spec is not valid."""
    from dataclasses import replace

    shown = [
        replace(
            found,
            notes=(*found.notes, f"with {', '.join(f'{path}: {value}' for path, value in point.items())}"),
        )
        for point, found in error.found
    ]
    if as_json:
        terminal.emit_json(findings.document(shown))
    else:
        findings.show(shown)
    return FINDINGS


def _close(outcome: SearchOutcome, tune: dict[str, Any], *, as_json: bool) -> None:
    """Print the trials from the best down, and where everything stands."""
    if as_json:
        from dataclasses import asdict

        terminal.emit_json(
            {
                "format": "1.0",
                "search": str(outcome.folder),
                "status": outcome.status,
                "metric": tune["metric"],
                "best": None if outcome.best is None else asdict(outcome.best),
                "best_spec": None if outcome.best_spec is None else str(outcome.best_spec),
                "importance": outcome.importance,
                "trials": [asdict(trial) for trial in outcome.trials],
            }
        )
        return
    from declare.cli.printing.search import render

    render(outcome, tune, terminal.out())
    if outcome.best_spec is not None:
        terminal.emit(f"best: {outcome.best_spec}")
    terminal.emit(f"search: {outcome.folder}")
