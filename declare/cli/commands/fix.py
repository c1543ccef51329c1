"""Apply the fixes that `validate` proposes to the text of the spec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from declare.cli import launch_options, options, spec_diagnostics, terminal
from declare.cli.failure import DONE, FINDINGS, CommandError

if TYPE_CHECKING:
    from declare.compiler.pipeline import CheckedSpec
    from declare.language.fix import Fixing

_ROUNDS = 10


def command(
    spec: options.SpecFile,
    *,
    diff: Annotated[
        bool, typer.Option("--diff", help="Print what would change, without changing it.")
    ] = False,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Also apply fixes that may change the meaning.")
    ] = False,
    all_files: Annotated[
        bool, typer.Option("--all-files", help="Also edit the files that the spec extends.")
    ] = False,
    set_: options.Set = None,
    trust: options.Trust = None,
) -> int:
    """Apply the fixes that `validate` proposes to the text of the spec.

    Comments and layout are kept. Exit code 0 if no error remains, 1 if some do (or, with --diff, if something
    would change).
    """
    launch_options.require_file(spec, "`dcl fix`")
    checked = spec_diagnostics.check(spec, set_, trust)
    fixing = _fix(checked, unsafe=unsafe, all_files=all_files)
    if diff:
        for change in fixing.changes:
            terminal.emit(change.diff.rstrip("\n"))
        return FINDINGS if fixing.changes else DONE
    for _ in range(_ROUNDS):  # a fix can uncover a finding that an error hid before
        if not fixing.changes:
            break
        _write(fixing)
        checked = spec_diagnostics.check(spec, set_, trust)
        fixing = _fix(checked, unsafe=unsafe, all_files=all_files)
    spec_diagnostics.write(checked, "text", to_error=True)
    return spec_diagnostics.exit_code(checked)


def _fix(checked: CheckedSpec, *, unsafe: bool, all_files: bool) -> Fixing:
    from declare.language.fix import fix

    only = None if all_files or not checked.document.sources else checked.document.sources[0]
    return fix(checked.diagnostics, unsafe=unsafe, only=only)


def _write(fixing: Fixing) -> None:
    from declare.language.fix import write

    for change in fixing.changes:
        try:
            write(change)
        except (OSError, ValueError) as error:
            raise CommandError(f"`{change.source.name}` cannot be changed: {error}") from error
        for fix in change.applied:
            terminal.echo(f"{change.source.name}: {fix.title}")
