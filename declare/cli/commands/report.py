"""Report a spec or a run: architecture, throughput, curves; on the terminal, as JSON, as HTML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from declare.cli import findings, options, terminal
from declare.cli.failure import CommandError

if TYPE_CHECKING:
    from declare.report.data import Report


def command(
    target: options.SpecOrRun,
    *,
    html: Annotated[
        Path | None, typer.Option(help="Write one self-contained page.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON (as --format json).")] = False,
    format: options.TextOrJson = "text",
    set_: options.Set = None,
    trust: options.Trust = None,
) -> None:
    """Report a spec or a run: architecture, throughput, curves; on the terminal, as JSON, as HTML.

    Of a spec it shows what would be trained; of a run also what happened.
    """
    as_json = json or format == "json"
    report = _report(target, set_, trust, as_json=as_json)
    if html is not None:
        _write(html, report)
    if as_json:
        from declare.report.render.json import render

        terminal.emit(render(report).rstrip("\n"))
    elif html is None:
        from declare.report.render.terminal import render as show

        show(report, terminal.out())


def _report(target: Path, sets: list[str] | None, trust: list[str] | None, *, as_json: bool) -> Report:
    from declare.report import gather

    if target.is_dir():
        if sets:
            raise CommandError("--set changes a spec, and a run is done", hint="report its spec.yaml")
        from declare.runtime.folder import Run

        with findings.reported(as_json=as_json):
            return gather.of_run(Run(target))
    plan, _ = findings.plan(target, sets, trust, as_json=as_json)
    return gather.of_plan(plan)


def _write(path: Path, report: Report) -> None:
    from declare.report.render.html import render

    try:
        path.write_text(render(report), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"`{path}` cannot be written: {error.strerror}") from error
    terminal.say(f"wrote {path}")
