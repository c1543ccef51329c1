"""Print what a spec will do: data, modules with shapes, tasks, phases, memory and FLOPs."""

import json as json_module
from typing import Annotated

import typer

from declare.cli import options, spec_diagnostics, terminal
from declare.cli.failure import FINDINGS


def command(
    spec: options.SpecFile,
    *,
    json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON (as --format json).")] = False,
    format: options.TextOrJson = "text",
    quick: Annotated[
        bool, typer.Option("--quick", help="Estimate costs by formulas; do not trace a step of each phase.")
    ] = False,
    set_: options.Set = None,
    trust: options.Trust = None,
) -> None:
    """Print what a spec will do: data, modules with shapes, tasks, phases, memory and FLOPs."""
    from declare.runtime.profiling.plan_costs import cost_problems, plan_costs

    as_json = json or format == "json"
    plan, checked = spec_diagnostics.plan(spec, set_, trust, as_json=as_json)
    plan = plan.model_copy(update={"costs": plan_costs(plan, trace=not quick)})
    problems = list(cost_problems(plan))
    refused = any(problem.code == "HW718" for problem in problems)
    if as_json and refused:
        terminal.emit_json(
            spec_diagnostics.document([spec_diagnostics.diagnose(item, checked) for item in problems])
        )
    elif as_json:
        costs = [item.model_dump(mode="json") for item in plan.costs]
        terminal.emit_json_text(json_module.dumps(plan.model_dump(mode="json") | {"costs": costs}, indent=2))
    else:
        from declare.cli.printing.plan import render

        render(plan, terminal.stdout())
        spec_diagnostics.show_problems(problems, checked)
    if refused:
        raise spec_diagnostics.FindingsError(FINDINGS)
