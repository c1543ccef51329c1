"""Start a spec: from a template, from a data file, or from a few answers."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from declare.cli import terminal
from declare.cli.failure import CommandError, writing
from declare.cli.new_spec import templates
from declare.contract.problem import ProblemError
from declare.system.user_cache import expand_home

if TYPE_CHECKING:
    from declare.cli.new_spec.columns import Column


def command(
    path: Annotated[Path, typer.Argument(help="The file to write; it must not exist.")] = Path("spec.yaml"),
    *,
    template: Annotated[
        str, typer.Option(help=f"One of {', '.join(templates.names())}.", show_default=False)
    ] = "",
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help="A CSV or Parquet file, or a folder of class folders.", show_default=False
        ),
    ] = None,
    target: Annotated[
        str, typer.Option(help="The column to predict; default: the last.", show_default=False)
    ] = "",
    name: Annotated[
        str, typer.Option(help="The name of runs; default: the file's.", show_default=False)
    ] = "",
) -> None:
    """Start a spec: from a template, from a data file, or from a few answers.

    The spec is valid as written, and its comments explain what to change.
    """
    if path.exists() or path.is_symlink():
        raise CommandError(
            f"`{path}` exists already", hint="state another file: existing files are never overwritten"
        )
    if not template and source is None:
        template, source = _ask()
    slug = _slug(name or path.stem)
    text = _from_template(template, slug) if source is None else _from_data(source, target, slug, path)
    _write(path, text)
    terminal.echo(f"wrote {path}; now `dcl validate {path}`, `dcl plan {path}`, `dcl train {path}`")


def _ask() -> tuple[str, Path | None]:
    """Ask what the data are; needs an interactive terminal."""
    if not sys.stdin.isatty():
        raise CommandError(
            "there is no terminal to ask questions on", hint="use --template or --from; see `dcl new --help`"
        )
    typer.echo("What do you learn from?", err=True)
    typer.echo(
        "  data        your own: a CSV or Parquet file, or a folder with one folder of images per class",
        err=True,
    )
    for item in templates.names():
        typer.echo(f"  {item:<12}{templates.summary(item)}", err=True)
    answer = typer.prompt("Choose", default="data", err=True)
    if answer == "data":
        return "", expand_home(Path(typer.prompt("Path of the data", err=True)))
    return answer, None


def _from_template(template: str, name: str) -> str:
    if template not in templates.names():
        from declare.diagnostics.suggest import did_you_mean

        hint = did_you_mean(template, templates.names()) or f"templates: {', '.join(templates.names())}"
        raise CommandError(f"there is no template `{template}`", hint=hint)
    return re.sub(r"^name: .*$", f"name: {name}", templates.text(template), count=1, flags=re.MULTILINE)


def _from_data(source: Path, target: str, name: str, path: Path) -> str:
    from declare.cli.new_spec import draft

    if not source.exists():
        raise CommandError(f"`{source}` does not exist")
    shown = os.path.relpath(source, path.absolute().parent)
    if source.is_dir():
        return draft.images(name, shown)
    columns = _columns(source)
    return draft.table(name, shown, columns, _target(columns, target))


def _columns(source: Path) -> list[Column]:
    from declare.cli.new_spec import columns

    try:
        source_columns = columns.infer_columns(source)
    except ProblemError as error:
        reason = "; ".join((error.problem.title, *error.problem.notes))
        raise CommandError(f"`{source}` cannot be read as a table: {reason}") from error
    if sum(column.kind != "unused" for column in source_columns) < 2:
        raise CommandError(f"`{source}` has fewer than two columns of numbers or categories")
    return source_columns


def _target(columns: list[Column], target: str) -> Column:
    usable = [column for column in columns if column.kind != "unused"]
    if not target:
        return usable[-1]
    for column in usable:
        if target in {column.title, column.field}:
            return column
    raise CommandError(
        f"`{target}` is not a usable column", hint=f"columns: {', '.join(c.title for c in usable)}"
    )


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")[:64] or "run"


def _write(path: Path, text: str) -> None:
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8", newline="\n") as file:
            try:
                file.write(text)
                file.flush()
            except OSError:
                path.unlink()  # half a spec would be taken for one of the user's
                raise
