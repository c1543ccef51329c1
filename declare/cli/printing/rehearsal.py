"""Runs a rehearsal for a command and prints its results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from declare.cli import spec_diagnostics, terminal
from declare.cli.printing import sanity
from declare.report.number_format import seconds

if TYPE_CHECKING:
    from declare.compiler.pipeline import CheckedSpec
    from declare.ir.plan import Plan
    from declare.rehearsal.rehearse_run import Rehearsal


def render(rehearsal: Rehearsal, console: Console) -> None:
    """Print the first losses of each phase, then the time of its steps and of the whole run."""
    sanity.render(rehearsal.trials, console)
    console.print()
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    table.add_column("phase")
    for name in ("steps", "a step", "evaluations", "one", "all"):
        table.add_column(name, justify="right")
    for item in rehearsal.phases:
        cells = (
            item.phase,
            f"{item.steps:,}",
            seconds(item.step_seconds),
            f"{item.evaluations:,}",
            seconds(item.evaluation_seconds),
            seconds(item.seconds),
        )
        table.add_row(*(Text(cell) for cell in cells))
    console.print(table)
    about = (
        f"the run will take about {seconds(rehearsal.run_seconds)} on this machine, without reading the data"
    )
    done = f"{len(rehearsal.stages)} parts rehearsed in {seconds(sum(rehearsal.stages.values()))}"
    is_whole = len(rehearsal.phases) == len(rehearsal.trials)
    console.print(Text(f"{done}; {about}" if is_whole else f"{done}, not all of the run"))


def rehearse(
    plan: Plan,
    checked: CheckedSpec,
    run_dir: Path | None,
    trust: Sequence[str],
    *,
    as_json: bool,
) -> Rehearsal:
    """Rehearse a plan and print what came of it, with its findings.

    What fails outside training ends the command.
    """
    from declare.rehearsal.rehearse_run import rehearse as rehearse_plan

    def on_stage(name: str) -> None:
        if not as_json:
            terminal.echo(f"rehearsal: {name}")

    with spec_diagnostics.report_problems(checked, as_json=as_json):
        text = checked.document.sources[0].text
        rehearsal = rehearse_plan(plan, text, run_dir, trust=tuple(trust), on_stage=on_stage)
    if not as_json:
        render(rehearsal, terminal.stdout())
        spec_diagnostics.show_problems([*rehearsal.errors, *rehearsal.warnings], checked)
    return rehearsal
