"""Check a spec without executing anything: every mistake at once, each at its line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from declare.cli import options, spec_diagnostics, terminal

if TYPE_CHECKING:
    from declare.compiler.pipeline import CheckedSpec


def command(
    spec: options.SpecFile,
    *,
    format: Annotated[spec_diagnostics.Format, typer.Option("--format", help="Output format.")] = "text",
    expand: Annotated[
        bool, typer.Option("--expand", help="Print the spec with every default written out.")
    ] = False,
    trace: Annotated[bool, typer.Option("--trace", help="Print the results of each pass.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail on warnings too; the same as --fail-on warning.")
    ] = False,
    fail_on: Annotated[
        spec_diagnostics.FailOn, typer.Option(help="Exit with 1 from this severity on.")
    ] = "error",
    set_: options.Set = None,
    trust: options.Trust = None,
) -> int:
    """Check a spec without executing anything: every mistake at once, each at its line.

    Exit code 1 if there are problems, 2 if the spec could not be read.
    """
    checked = spec_diagnostics.check(spec, set_, trust)
    if trace:
        _trace(checked)
    expanded = _expanded_text(checked) if expand and checked.valid else None
    if expanded is not None and format == "text":
        spec_diagnostics.write(checked, format, to_error=True)
        terminal.emit(expanded.rstrip("\n"))
    else:
        spec_diagnostics.write(checked, format)
    return spec_diagnostics.exit_code(checked, "warning" if strict and fail_on == "error" else fail_on)


def _trace(checked: CheckedSpec) -> None:
    """Print what each pass added on standard error; standard output has the diagnostics."""
    from declare.compiler.pipeline import PASSES

    reasons = {item.name: item.reason for item in PASSES}
    for record in checked.passes:
        because = f" because of {record.because}" if record.because else ""
        head = f"{record.name:<9}{record.status}{because}  {record.seconds * 1e3:.0f} ms"
        terminal.err().print(head, style="bold" if record.status == "done" else "yellow")
        terminal.err().print(f"         {reasons[record.name]}", style="dim")
        for note in record.notes or ("no change",):
            terminal.err().print(f"         {note}")


def _expanded_text(checked: CheckedSpec) -> str:
    from declare.compiler.expand import expand

    return expand(checked)
