"""Print what a spec will do: data, modules with shapes, tasks, phases, memory."""

from typing import Annotated

import typer

from declare.cli import options, spec_diagnostics, terminal


def command(
    spec: options.SpecFile,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON (as --format json).")] = False,
    format: options.TextOrJson = "text",
    set_: options.Set = None,
    trust: options.Trust = None,
) -> None:
    """Print what a spec will do: data, modules with shapes, tasks, phases, memory."""
    as_json = json or format == "json"
    plan, _ = spec_diagnostics.plan(spec, set_, trust, as_json=as_json)
    if as_json:
        terminal.emit_json_text(plan.model_dump_json(indent=2))
        return
    from declare.cli.printing.plan import render

    render(plan, terminal.stdout())
