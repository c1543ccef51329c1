"""Report a spec or a run, or several side by side; on the terminal, as JSON, as HTML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from declare.cli import options, report_targets, terminal
from declare.cli.failure import CommandError, writing

if TYPE_CHECKING:
    from declare.ir.plan import Plan
    from declare.report.report import Throughput


def command(
    targets: Annotated[
        list[Path],
        typer.Argument(
            metavar="SPEC|PLAN|RUN...",
            help="A spec, a plan in a JSON file, or the folder of a run; several are compared.",
            show_default=False,
        ),
    ],
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
    """Report a spec or a run, or several side by side; on the terminal, as JSON, as HTML.

    For a spec it shows what would be trained; for a run also what happened. Several are compared: their final
    metrics, their curves on shared axes, and the settings in which they differ.
    """
    as_json = json or format == "json"
    if len(targets) > 1:
        _compare(targets, html, trust, as_json=as_json, is_changed=measure or bool(set_))
        return
    plan, report = report_targets.read_target(targets[0], set_, trust, as_json=as_json)
    if measure and report.status == "planned":
        report = report.model_copy(update={"throughput": _measure_throughput(plan)})
    if html is not None:
        from declare.report.render.html import render

        _write(html, render(report))
    if as_json:
        terminal.emit_json_text(report.model_dump_json(indent=2))
    elif html is None:
        from declare.report.render.terminal import render as show

        show(report, terminal.stdout())


def _compare(
    targets: list[Path], html: Path | None, trust: list[str] | None, *, as_json: bool, is_changed: bool
) -> None:
    """Compare several targets, in the same three forms."""
    if is_changed:
        raise CommandError(
            "--set and --measure are for one spec", hint="compare a spec with its change: `dcl diff`"
        )
    comparison = report_targets.compare([(target, None) for target in targets], trust, as_json=as_json)
    if html is not None:
        from declare.report.render.comparison_html import render

        _write(html, render(comparison))
    if as_json:
        terminal.emit_json_text(comparison.model_dump_json(indent=2))
    elif html is None:
        from declare.report.render.comparison_text import render as show

        show(comparison, terminal.stdout(), curves=True)


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


def _write(path: Path, page: str) -> None:
    from declare.runtime.run_folder.durable_io import write_whole

    with writing(path):
        write_whole(path, page)
    terminal.echo(f"wrote {path}")
