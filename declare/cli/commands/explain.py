"""Explain a code: what it means, why it matters, a wrong and a right example."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from declare.cli import options, terminal
from declare.cli.failure import CommandError

if TYPE_CHECKING:
    from declare.diagnostics.codes import Page


def command(
    code: Annotated[
        str, typer.Argument(help="LOS401 or class-count-mismatch; without it, list all.", show_default=False)
    ] = "",
    *,
    format: options.TextOrJson = "text",
) -> None:
    """Explain a code: what it means, why it matters, a wrong and a right example."""
    from declare.diagnostics import codes

    if not code:
        _list(as_json=format == "json")
        return
    try:
        page = codes.page(code)
    except LookupError:
        raise CommandError(f"there is no code `{code}`", hint=_hint(code)) from None
    if format == "json":
        terminal.emit_json({"format": "1.0", "codes": [_plain(page)]})
    else:
        terminal.emit(f"{page.code} {page.name} ({page.severity})\n\n{page.text.rstrip()}")


def _list(*, as_json: bool) -> None:
    from declare.diagnostics import codes

    pages = [codes.page(code) for code in codes.codes()]
    if as_json:
        terminal.emit_json({"format": "1.0", "codes": [_plain(page) for page in pages]})
        return
    width = max((len(page.name) for page in pages), default=0) + 2
    for page in pages:
        terminal.emit(f"{page.code}  {page.severity:<8}{page.name:<{width}}{' '.join(page.summary.split())}")


def _plain(page: Page) -> dict[str, Any]:
    keys = ("code", "name", "severity", "summary", "why", "text")
    return {key: getattr(page, key) for key in keys}


def _hint(code: str) -> str:
    from declare.diagnostics.codes import codes
    from declare.diagnostics.suggest import did_you_mean

    return did_you_mean(code, [*codes(), *codes().values()]) or "`dcl explain` lists all codes"
