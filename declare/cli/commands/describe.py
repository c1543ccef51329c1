"""Describe a component: its parameters with types and defaults, what it takes, an example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from declare.cli import options, terminal
from declare.cli.failure import CommandError

if TYPE_CHECKING:
    from declare.parsing.describe import ComponentPage


def command(
    component: Annotated[
        str, typer.Argument(help="NAME, or KIND/NAME if several kinds have it.", show_default=False)
    ],
    *,
    format: options.TextOrJson = "text",
) -> None:
    """Describe a component: its parameters with types and defaults, what it takes, an example."""
    from dataclasses import asdict

    cards = _find(component)
    if not cards:
        raise CommandError(f"there is no component `{component}`", hint=_hint(component))
    if format == "json":
        terminal.emit_json({"format": "1.0", "components": [asdict(item) for item in cards]})
        return
    for index, item in enumerate(cards):
        if index:
            terminal.emit("")
        _print(item)


def _find(component: str) -> list[ComponentPage]:
    from declare.parsing import describe, lookup

    kind, slash, name = component.partition("/")
    if not slash:
        name, kinds = component, lookup.kinds()
    else:
        kinds = tuple(item for item in lookup.kinds() if kind in {item, item.removesuffix("s")})
    return [card for item in kinds if (card := describe.component_page(item, name)) is not None]


def _hint(component: str) -> str:
    from declare.diagnostics.suggest import did_you_mean
    from declare.parsing import lookup

    every = (name for kind in lookup.kinds() for name in lookup.names(kind))
    return did_you_mean(component.rpartition("/")[2], every) or "`dcl list` shows all components"


def _print(item: ComponentPage) -> None:
    terminal.emit(f"{item.kind}/{item.name}{' (runs only with --trust)' if item.trusted_only else ''}")
    terminal.emit("")
    for line in item.text.splitlines():
        terminal.emit(f"  {line}".rstrip())
    for line in item.takes:
        terminal.emit(f"  {line}")
    if item.parameters:
        terminal.emit("")
        terminal.emit("  parameters:")
    width = max((len(parameter.name) for parameter in item.parameters), default=0) + 2
    for parameter in item.parameters:
        default = "required" if parameter.required else f"default {_yaml(parameter.default)}"
        terminal.emit(f"    {parameter.name:<{width}}{parameter.type} ({default})")
        if parameter.description:
            terminal.emit(f"    {'':<{width}}{parameter.description}")


def _yaml(value: object) -> str:
    import json

    return json.dumps(value, default=str, allow_nan=True)
