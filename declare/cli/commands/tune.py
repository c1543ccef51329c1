"""Search for better values: many runs of one spec; the best becomes a spec."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from declare.cli import launch_options, options, spec_diagnostics, terminal
from declare.cli.failure import FINDINGS, CommandError
from declare.cli.launch_options import repeated_option
from declare.cli.streams import go_on_unseen
from declare.runtime.distributed.exit_codes import STOPPED
from declare.system.trust import allow_downloads

if TYPE_CHECKING:
    from declare.runtime.resume.plan_diff import Change
    from declare.tune.run import InvalidPointError, SearchOutcome
    from declare.tune.search import Trial

_UNDONE = {"failed", "broken"}


def command(
    spec: options.SpecFile,
    *,
    trials: Annotated[
        int | None, typer.Option(min=1, help="Overrides `tune.trials` (and is stored).", show_default=False)
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=(
                "Number of processes that run trials in parallel; default: 1, with Ray as many as "
                "there are resources for."
            ),
            show_default=False,
        ),
    ] = None,
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
    """Search for better values: many runs of one spec; the best becomes a spec.

    The `tune` section states what is varied and which metric is optimised. All possible values are checked
    before the first trial. The folder contains a run for each trial, `trials.csv`, `search.html` and
    `best.yaml`. Exit codes: 0 done, 1 problems in the spec, 4 no trial finished or one could not be run, 75
    stopped; `--resume` continues.
    """
    go_on_unseen()
    as_json = format == "json"
    if resume is not None and run_dir is not None:
        raise CommandError(
            "--resume and --run-dir contradict each other", hint="state the folder in --resume only"
        )
    launch_options.require_file(spec, "a search")
    allow_downloads()
    plan, checked = spec_diagnostics.plan(spec, set_, trust, as_json=as_json)
    if plan.tune is None:
        raise CommandError("the spec has no `tune` section", hint="add one: `dcl schema spec` shows its keys")
    with spec_diagnostics.report_problems(checked, as_json=as_json):
        from declare.tune.run import InvalidPointError, search
        from declare.tune.search import Search

        wanted = Search(spec, tuple(set_ or ()), tuple(trust or ()), resume or run_dir or Path(), trials)
        emit, on_change = (_silence, _silence) if as_json else (_echo, _note)
        try:
            outcome = search(
                wanted, checked, resume=resume is not None, workers=workers, emit=emit, on_change=on_change
            )
        except InvalidPointError as error:
            return _refuse(error, as_json=as_json)
    _close(outcome, plan.tune, as_json=as_json)
    if outcome.status == STOPPED and not as_json:
        words = [*repeated_option("--set", set_ or ()), *repeated_option("--trust", trust or ())]
        again = shlex.join(["dcl", "tune", str(spec), "--resume", str(outcome.folder), *words])
        terminal.echo(f"stopped on request; all running trials were saved; continue with: {again}")
    return outcome.status


def _silence(_: object) -> None:
    """Print nothing: the final document contains it."""


def _note(change: Change) -> None:
    """Print a harmless change of a spec when its search is continued."""
    record = change.record()
    terminal.echo(
        f"plan: `{change.path}` was {record['old']}, is now {record['new']} ({change.verdict}: {change.why})"
    )


def _echo(trial: Trial) -> None:
    """Print a line when a trial ends."""
    from declare.cli.printing.search import short

    value = "" if trial.value is None else f" {trial.value:.5g}"
    shown = ", ".join(f"{path.rpartition('.')[2]} {short(item)}" for path, item in trial.values.items())
    reason = f" ({trial.reason})" if trial.state in _UNDONE else ""
    terminal.echo(f"trial {trial.number:>3}: {trial.state}{value}{reason}  [{shown}]  {trial.seconds:.1f} s")


def _refuse(error: InvalidPointError, *, as_json: bool) -> int:
    """Print the values for which the spec is not valid."""
    from dataclasses import replace

    shown = [
        replace(
            diagnostic,
            notes=(
                *diagnostic.notes,
                f"with {', '.join(f'{path}: {value}' for path, value in point.items())}",
            ),
        )
        for point, diagnostic in error.points
    ]
    if as_json:
        terminal.emit_json(spec_diagnostics.document(shown))
    else:
        spec_diagnostics.show(shown)
    return FINDINGS


def _close(outcome: SearchOutcome, tune: dict[str, Any], *, as_json: bool) -> None:
    """Print the trials, the best first, and the folder."""
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

    render(outcome, tune, terminal.stdout())
    if outcome.best_spec is not None:
        terminal.emit(f"best: {outcome.best_spec}")
    terminal.emit(f"search: {outcome.folder}")
