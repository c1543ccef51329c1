"""What reports and comparisons are of: a spec, a plan in a file, or a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from declare.cli import spec_diagnostics
from declare.cli.failure import CommandError

if TYPE_CHECKING:
    from declare.ir.plan import Plan
    from declare.report.comparison import Comparison
    from declare.report.report import Report


def read_target(
    target: Path,
    sets: list[str] | None,
    trust: list[str] | None,
    *,
    as_json: bool,
    with_layers: bool = True,
) -> tuple[Plan, Report]:
    """Return the plan and the report of a target; findings of a spec are printed and end the command."""
    from declare.report import collect
    from declare.report.layers import layers_of
    from declare.runtime.run_folder.folder import read_planned

    with spec_diagnostics.report_problems(as_json=as_json):
        recorded = read_planned(target)
    if sets and recorded:
        what = "a finished run" if recorded[1] else "a plan"
        raise CommandError(f"--set changes a spec, but this is {what}", hint="name the spec instead")
    plan, run = recorded or (spec_diagnostics.plan(target, sets, trust, as_json=as_json)[0], None)
    with spec_diagnostics.report_problems(as_json=as_json):
        layers = layers_of(plan) if with_layers else None
        return plan, collect.of_run(run, layers) if run else collect.of_plan(plan, layers)


def compare(
    targets: list[tuple[Path, list[str] | None]], trust: list[str] | None, *, as_json: bool
) -> Comparison:
    """Return the comparison of targets, each with the overrides of its spec."""
    from declare.report.comparison import compare as compare_reports

    pairs = [read_target(path, sets, trust, as_json=as_json, with_layers=False) for path, sets in targets]
    plans, reports = zip(*pairs, strict=True)
    labels = [path if not sets else Path(f"{path} --set") for path, sets in targets]
    return compare_reports(labels, plans, reports)
