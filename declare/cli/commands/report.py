"""Report a spec or a run: architecture, throughput, curves; on the terminal, as JSON, as HTML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from declare.cli import options, spec_diagnostics, terminal
from declare.cli.failure import CommandError, writing

if TYPE_CHECKING:
    from declare.ir.plan import Plan
    from declare.report.report import Report, Throughput


def command(
    target: options.SpecOrRun,
    *,
    html: Annotated[
        Path | None, typer.Option(help="Write one self-contained HTML page.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON (as --format json).")] = False,
    measure: Annotated[
        bool, typer.Option("--measure", help="For a spec: train a few steps and report their speed.")
    ] = False,
    format: options.TextOrJson = "text",
    set_: options.Set = None,
    trust: options.Trust = None,
) -> None:
    """Report a spec or a run: architecture, throughput, curves; on the terminal, as JSON, as HTML.

    For a spec it shows what would be trained; for a run also what happened.
    """
    as_json = json or format == "json"
    report = _report(target, set_, trust, as_json=as_json, measure=measure)
    if html is not None:
        _write(html, report)
    if as_json:
        terminal.emit_json_text(report.model_dump_json(indent=2))
    elif html is None:
        from declare.report.render.terminal import render as show

        show(report, terminal.stdout())


def _report(
    target: Path, sets: list[str] | None, trust: list[str] | None, *, as_json: bool, measure: bool
) -> Report:
    from declare.report import collect
    from declare.report.layers import layers_of

    if target.is_dir():
        if sets:
            raise CommandError(
                "--set changes a spec, but this is a finished run", hint="report its spec.yaml"
            )
        from declare.runtime.run_folder.folder import Run

        with spec_diagnostics.report_problems(as_json=as_json):
            run = Run(target)
            return collect.of_run(run, layers_of(run.plan))
    plan, _ = spec_diagnostics.plan(target, sets, trust, as_json=as_json)
    report = collect.of_plan(plan, layers_of(plan))
    return report.model_copy(update={"throughput": _measure_throughput(plan)}) if measure else report


def _measure_throughput(plan: Plan) -> tuple[Throughput, ...]:
    """Train a few steps of every phase; the weights are discarded."""
    from declare.report.report import Throughput
    from declare.runtime.machine.device import choose_device
    from declare.runtime.profiling.throughput import measure
    from declare.runtime.setup.builder import PlanBuilder

    speeds = measure(plan, PlanBuilder(plan, None, choose_device(plan.hardware)))
    return tuple(
        Throughput(
            phase=speed.phase,
            samples_per_second=speed.samples_per_second,
            steps_per_second=speed.steps_per_second,
            seconds=speed.seconds,
        )
        for speed in speeds
    )


def _write(path: Path, report: Report) -> None:
    from declare.report.render.html import render
    from declare.runtime.run_folder.durable_io import write_whole

    with writing(path):
        write_whole(path, render(report))
    terminal.echo(f"wrote {path}")
