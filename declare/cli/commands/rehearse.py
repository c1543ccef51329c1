"""Rehearse a spec: every part of a run executed in seconds, and how long the run will take."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from declare.cli import options, spec_diagnostics, terminal
from declare.system.trust import allow_downloads

if TYPE_CHECKING:
    from declare.compiler.pipeline import CheckedSpec
    from declare.rehearsal.rehearse_run import Rehearsal


def command(
    spec: options.SpecFile,
    *,
    run_dir: Annotated[
        Path | None,
        typer.Option(help="Keep the run of the rehearsal in this folder: new or empty.", show_default=False),
    ] = None,
    format: options.TextOrJson = "text",
    set_: options.Set = None,
    trust: options.Trust = None,
) -> int:
    """Rehearse a spec: every part of a run executed in seconds, and how long the run will take.

    On few samples, with the batches of the spec: each phase makes a few steps through its warm-up, frozen parts,
    evaluations, checkpoints, a stop and a resume; probes, evaluate, predict and report follow. What would fail after
    hours fails now, at its line. Shows the time of a step, what a loss should start at, whether each phase learns one
    batch, and parameters that never get a gradient. Runs in one process, without trackers. Exit codes: 0 done, 1
    problems in the spec, 4 the run would fail, 75 stopped.
    """
    as_json = format == "json"
    allow_downloads()
    plan, checked = spec_diagnostics.plan(spec, set_, trust, as_json=as_json)
    from declare.cli.printing.rehearsal import rehearse

    rehearsal = rehearse(plan, checked, run_dir, trust or (), as_json=as_json)
    if as_json:
        terminal.emit_json(_plain(rehearsal, checked))
    return rehearsal.status


def _plain(rehearsal: Rehearsal, checked: CheckedSpec) -> dict[str, Any]:
    problems = (*rehearsal.errors, *rehearsal.warnings)
    return {
        "format": "1.0",
        "status": rehearsal.status,
        "stages": rehearsal.stages,
        "phases": [asdict(item) | {"seconds": item.seconds} for item in rehearsal.phases],
        "trials": [asdict(item) | {"learns": item.falls} for item in rehearsal.trials],
        "without_gradient": rehearsal.without_gradient,
        "run_seconds": rehearsal.run_seconds,
        "diagnostics": [spec_diagnostics.as_dict(item, checked) for item in problems],
    }
