"""List the components that a spec can name, all kinds or one."""

from typing import Annotated, Any

import typer

from declare.cli import options, terminal
from declare.cli.failure import CommandError


def command(
    kind: Annotated[
        str | None, typer.Argument(help="A kind: modules, losses, ...", show_default=False)
    ] = None,
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Also list the names of libraries (timm, torchvision).")
    ] = False,
    search: Annotated[str, typer.Option(help="Only names that contain this text.", show_default=False)] = "",
    format: options.TextOrJson = "text",
) -> None:
    """List the components that a spec can name, all kinds or one."""
    from declare.parsing import lookup

    if kind is not None and kind not in lookup.kinds():
        raise CommandError(f"there is no kind `{kind}`", hint=_kinds_hint(kind))
    rows = [
        row
        for name in ([kind] if kind else lookup.kinds())
        for row in _rows(name, everything or bool(search))
    ]
    rows = [row for row in rows if search.lower() in row["type"]]
    if search:
        rows += [
            row
            for name in ([kind] if kind else lookup.kinds())
            for row in _library_names(name, search.lower())
        ]
    if format == "json":
        terminal.emit_json({"format": "1.0", "components": rows})
        return
    _print(rows, everything=everything or bool(search))


def _rows(kind: str, everything: bool) -> list[dict[str, Any]]:
    from declare.parsing import describe, lookup

    rows = [
        {"kind": kind, "type": name, "summary": describe.summary(kind, name)}
        for name in lookup.own_names(kind)
    ]
    if not everything:
        return rows
    library = lookup.names_of_libraries(kind)
    return rows + [{"kind": kind, "type": name, "summary": "from a library"} for name in library]


def _library_names(kind: str, search: str) -> list[dict[str, Any]]:
    """Return the possible `name`s of a component (models of a library) that contain the searched text."""
    from declare.parsing import lookup

    rows = []
    for type_name in lookup.own_names(kind):
        component = lookup.find(kind, type_name)
        for name in component.known_names() if component is not None else ():
            if search in name.lower():
                spec = f"`{{type: {type_name}, name: {name}}}`"
                rows.append({"kind": kind, "type": type_name, "name": name, "summary": spec})
    return rows


def _print(rows: list[dict[str, Any]], *, everything: bool) -> None:
    from declare.parsing import describe, lookup

    width = max((len(row.get("name", row["type"])) for row in rows), default=0) + 2
    for kind in dict.fromkeys(row["kind"] for row in rows):
        terminal.emit(f"{kind}: {describe.kind_summary(kind)}")
        for row in rows:
            if row["kind"] == kind:
                terminal.emit(f"  {row.get('name', row['type']):<{width}}{row['summary']}".rstrip())
        more = len(lookup.names_of_libraries(kind))
        if more and not everything:
            terminal.emit(f"  and {more} names from libraries: `dcl list {kind} --all`")
        terminal.emit("")
    if not rows:
        terminal.echo("nothing found")


def _kinds_hint(kind: str) -> str:
    from declare.diagnostics.suggest import did_you_mean
    from declare.parsing import lookup

    return did_you_mean(kind, lookup.kinds()) or f"kinds: {', '.join(lookup.kinds())}"
