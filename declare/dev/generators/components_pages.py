"""Writes `docs/reference/components/<kind>.md`: every component from its own file."""

import json
from collections.abc import Iterator
from pathlib import Path

from declare.dev.repository import ROOT
from declare.parsing import lookup
from declare.parsing.describe import ComponentPage, Parameter, component_page, kind_summary

FOLDER = ROOT / "docs" / "reference" / "components"
OWNS = (FOLDER,)


def outputs() -> dict[Path, str]:
    """Return a page for each kind that has components, and the page that lists the kinds."""
    kinds = [kind for kind in lookup.kinds() if lookup.own_names(kind)]
    pages = {FOLDER / f"{kind}.md": "\n".join(_page(kind)) for kind in kinds}
    return pages | {FOLDER / "index.md": "\n".join(_index(kinds))}


def _index(kinds: list[str]) -> Iterator[str]:
    yield "# Components\n"
    yield "Everything that a spec can name as `type`. `dcl list` and `dcl describe NAME` show the same.\n"
    yield "| kind | components |"
    yield "| --- | --- |"
    for kind in kinds:
        names = ", ".join(f"`{name}`" for name in lookup.own_names(kind))
        yield f"| [{kind}]({kind}.md) | {names} |"
    yield ""


def _page(kind: str) -> Iterator[str]:
    yield f"# {kind}\n"
    yield f"{kind_summary(kind)}\n"
    for name in lookup.own_names(kind):
        component = component_page(kind, name)
        assert component is not None
        yield from _component(component)
    if lookup.names_of_libraries(kind):
        yield f"More names come from libraries: `dcl list {kind} --all`.\n"


def _component(item: ComponentPage) -> Iterator[str]:
    yield f"## {item.name}\n"
    if item.trusted_only:
        yield "Runs code of yours, and so only with `--trust`.\n"
    yield f"{item.text}\n"
    for line in item.takes:
        yield f"- {line}"
    if item.takes:
        yield ""
    if item.parameters:
        yield "| parameter | type | default | meaning |"
        yield "| --- | --- | --- | --- |"
        yield from (_row(parameter) for parameter in item.parameters)
        yield ""


def _row(parameter: Parameter) -> str:
    default = "required" if parameter.required else f"`{json.dumps(parameter.default, default=str)}`"
    cells = (f"`{parameter.name}`", parameter.type, default, parameter.description)
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
