"""One JSON document: counts, passes and findings. Additions raise the minor number of `format`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from declare.diagnostics.diagnostic import Diagnostic, Fix, Label
from declare.diagnostics.output import Settings, counts, region

FORMAT = "1.0"


def render(diagnostics: Sequence[Diagnostic], settings: Settings) -> str:
    """Return the envelope as text."""
    return json.dumps(envelope(diagnostics, settings), indent=2, allow_nan=False) + "\n"


def envelope(diagnostics: Sequence[Diagnostic], settings: Settings) -> dict[str, Any]:
    """Return the document: `valid` is true without errors; lines and columns count from 1, in code points."""
    numbers = counts(diagnostics)
    return {
        "format": FORMAT,
        "tool": {"name": "declare", "version": settings.version},
        "valid": numbers["error"] == 0,
        "counts": numbers,
        "passes": [dict(record) for record in settings.passes],
        "diagnostics": [as_dict(item) for item in diagnostics],
    }


def as_dict(diagnostic: Diagnostic) -> dict[str, Any]:
    """Return one finding; the place is that of its primary label, null if it has none."""
    place = dict.fromkeys(("file", "line", "column", "end_line", "end_column"))
    primary = diagnostic.primary
    return {
        "code": diagnostic.code,
        "name": diagnostic.name,
        "severity": diagnostic.severity,
        "title": diagnostic.title,
        "path": diagnostic.path,
        **(place if primary is None else asdict(region(primary.span))),
        "labels": [_label(label, label is primary) for label in diagnostic.labels],
        "notes": list(diagnostic.notes),
        "helps": list(diagnostic.helps),
        "fixes": [_fix(fix) for fix in diagnostic.fixes],
        "fingerprint": diagnostic.fingerprint,
    }


def _label(label: Label, primary: bool) -> dict[str, Any]:
    span = label.span
    place = {**asdict(region(span)), "start": span.start, "end": span.end}
    return {"primary": primary, "text": label.text, **place}


def _fix(fix: Fix) -> dict[str, Any]:
    edits = [
        {
            **asdict(region(edit.span)),
            "start": edit.span.start,
            "end": edit.span.end,
            "new_text": edit.new_text,
        }
        for edit in fix.edits
    ]
    return {"title": fix.title, "applicability": fix.applicability, "edits": edits}
