"""Print a JSON Schema: of the spec, the plan, diagnostics or a run's report."""

from typing import Annotated

import typer

from declare.cli import terminal
from declare.cli.failure import CommandError


def command(
    name: Annotated[str, typer.Argument(help="`spec`, `plan`, ...; see `--list`.")] = "spec",
    *,
    listed: Annotated[bool, typer.Option("--list", help="Print the names of the schemas.")] = False,
) -> None:
    """Print a JSON Schema: of the spec, the plan, diagnostics or a run's report."""
    from declare.cli.schemas import schemas as every

    schemas = every()
    if listed:
        for item in schemas:
            terminal.emit(item)
        return
    if name not in schemas:
        raise CommandError(f"there is no schema `{name}`", hint=f"schemas: {', '.join(schemas)}")
    terminal.emit_json(schemas[name])
