"""Writes `docs/reference/events.md`: every event of a run and its fields."""

from pathlib import Path
from typing import Any

from declare.dev.repository import ROOT
from declare.runtime.run_folder.events import event_schemas

PAGE = ROOT / "docs" / "reference" / "events.md"
HEAD = """# Events of a run

Each line of `events.jsonl` is one JSON object: `time` (seconds since 1970), `event` (its name), inside a phase also
`phase`, `step` (of the phase) and `total` (step of the run), and the fields below.
Numbers that are not finite are null. Later versions may add events and fields.
The JSON Schema is `schemas/event.v1.json`.
"""


def outputs() -> dict[Path, str]:
    """Return the page."""
    return {PAGE: HEAD + "".join(_section(name, schema) for name, schema in event_schemas().items())}


def _section(name: str, schema: dict[str, Any]) -> str:
    rows = "".join(
        f"| `{field}` | {_type(block)} | {' '.join(block.get('description', '').split())} |\n"
        for field, block in schema["properties"].items()
    )
    table = f"\n| field | type | |\n|---|---|---|\n{rows}" if rows else ""
    return f"\n## {name}\n\n{schema['description']}\n{table}"


def _type(block: dict[str, Any]) -> str:
    if "anyOf" in block:
        return " or ".join(map(_type, block["anyOf"]))
    kind = block.get("type", "any")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "array":
        return f"list of {_type(block.get('items', {}))}"
    if kind == "object":
        return f"object of {_type(block['additionalProperties'])}"
    return str(kind)
