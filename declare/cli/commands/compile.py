"""Write a spec, or a run, as a small program in plain PyTorch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from declare.cli import options, spec_diagnostics, terminal

if TYPE_CHECKING:
    from declare.compiler.pipeline import CheckedSpec
    from declare.ir.plan import Plan


def command(
    place: options.SpecOrRun,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The folder to write; default: generated/NAME.", show_default=False
        ),
    ] = None,
    format: options.TextOrJson = "text",
    set_: options.Set = None,
    trust: options.Trust = None,
) -> None:
    """Write a spec, or a run, as a small program in plain PyTorch.

    The program needs PyTorch and the libraries of its model and data, not this one. `python train.py` follows the
    same trajectory; `model.py` loads the weights of the run.
    """
    as_json = format == "json"
    plan, checked, text, precisions = _plan_and_text(place, set_, trust, as_json=as_json)
    folder = output or Path("generated") / plan.name
    with spec_diagnostics.report_problems(checked, as_json=as_json):
        from declare.emit.write_program import write_program

        files = write_program(plan, text, folder, precisions)
    lines = {
        path.name: path.read_text(encoding="utf-8").count("\n") for path in files if path.suffix == ".py"
    }
    if as_json:
        terminal.emit_json({"format": "1.0", "folder": str(folder), "lines": lines})
        return
    shown = ", ".join(f"{name} {count}" for name, count in lines.items())
    terminal.echo(f"wrote {folder}: {sum(lines.values())} lines ({shown})")


def _plan_and_text(
    place: Path, sets: list[str] | None, trust: list[str] | None, *, as_json: bool
) -> "tuple[Plan, CheckedSpec | None, str, dict[str, str]]":
    """Return the plan of a spec or run, the spec as it was checked, its text, and the precisions that a run chose."""
    if not place.is_dir():
        plan, checked = spec_diagnostics.plan(place, sets, trust, as_json=as_json)
        return plan, checked, place.read_text(encoding="utf-8"), {}
    with spec_diagnostics.report_problems(as_json=as_json):
        from declare.runtime.run_folder.folder import Run

        run = Run(place)
        choices = {
            str(event["name"]).removeprefix("precision."): str(event["value"])
            for event in run.events("choice")
            if str(event["name"]).startswith("precision.")
        }
        return run.plan, None, run.spec_text, choices
