"""The JSON Schema of `--format json`: counts, passes and findings."""

from typing import Any

_TEXT = {"type": "string"}
_NUMBER = {"type": ["integer", "null"], "minimum": 1}
_OFFSET = {"type": "integer", "minimum": 0}
_PLACE: dict[str, Any] = {
    "file": {"type": ["string", "null"], "description": "the file as it was named, or `--set #1`"},
    "line": _NUMBER,
    "column": _NUMBER | {"description": "counted in code points, from 1"},
    "end_line": _NUMBER,
    "end_column": _NUMBER,
}


def findings() -> dict[str, Any]:
    """Return the schema; readers should ignore keys that they do not know: a minor version may add some."""
    edit = _block(_PLACE | {"start": _OFFSET, "end": _OFFSET, "new_text": _TEXT})
    label = _block(_PLACE | {"primary": {"type": "boolean"}, "text": _TEXT, "start": _OFFSET, "end": _OFFSET})
    fix = _block(
        {
            "title": _TEXT,
            "applicability": {"enum": ["safe", "unsafe", "display"]},
            "edits": _list(edit),
        }
    )
    finding = _block(
        {
            "code": {"type": "string", "pattern": r"^[A-Z]{2,3}\d{3}$"},
            "name": _TEXT,
            "severity": {"enum": ["error", "warning", "info"]},
            "title": _TEXT,
            "path": _TEXT | {"description": "dotted path of the value in the composed spec"},
            **_PLACE,
            "labels": _list(label),
            "notes": _list(_TEXT),
            "helps": _list(_TEXT),
            "fixes": _list(fix),
            "fingerprint": _TEXT,
        }
    )
    step = _block({"name": _TEXT, "status": {"enum": ["done", "partly", "skipped"]}}, closed=False)
    counts = _block({name: {"type": "integer", "minimum": 0} for name in ("error", "warning", "info")})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "declare/diagnostics.v1.json",
        "title": "Findings of declare",
        **_block(
            {
                "format": {"type": "string", "pattern": r"^1\.\d+$"},
                "valid": {"type": "boolean", "description": "no error was found"},
                "counts": counts,
                "passes": _list(step),
                "diagnostics": _list(finding),
            },
            closed=False,
        ),
    }


def _block(properties: dict[str, Any], *, closed: bool = True) -> dict[str, Any]:
    written = {"type": "object", "properties": properties, "required": list(properties)}
    return written | {"additionalProperties": False} if closed else written


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}
