"""Compare two specs, plans or runs: what was set otherwise, and what that changes."""

from pathlib import Path
from typing import Annotated

import typer

from declare.cli import options, report_targets, terminal
from declare.cli.failure import DONE, FINDINGS, CommandError


def command(
    first: options.SpecPlanOrRun,
    second: Annotated[
        Path | None,
        typer.Argument(
            metavar="[SPEC|PLAN|RUN]",
            help="The other one; default: the first with --set.",
            show_default=False,
        ),
    ] = None,
    *,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="Exit with 1 if a setting differs, as `git diff` does.")
    ] = False,
    format: options.TextOrJson = "text",
    set_: options.Set = None,
    trust: options.Trust = None,
) -> int:
    """Compare two specs, plans or runs: what was set otherwise, and what that changes.

    Plans are compared, in which every default is decided: how a spec is written makes no difference. What follows
    from the settings comes after them: shapes, parameters, steps, cost, and the final metrics of runs. With one
    spec and `--set`, the spec is compared with itself as changed.
    """
    if second is None and not set_:
        raise CommandError(
            "there is one spec, and nothing to compare it with", hint="name another, or use --set"
        )
    as_json = format == "json"
    targets = [(first, None), (second or first, set_)]
    comparison = report_targets.compare(targets, trust, as_json=as_json)
    if as_json:
        terminal.emit_json_text(comparison.model_dump_json(indent=2))
    else:
        from declare.report.render.comparison_text import render

        render(comparison, terminal.stdout(), curves=False)
    return FINDINGS if exit_code and comparison.settings else DONE
