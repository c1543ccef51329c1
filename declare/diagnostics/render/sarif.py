"""SARIF 2.1.0, for GitHub code scanning and other viewers of static analysis."""

import json
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from declare.diagnostics.codes import page
from declare.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Source, Span
from declare.diagnostics.output import Settings, region

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def render(diagnostics: Sequence[Diagnostic], settings: Settings) -> str:
    """Return one run with a rule for each reported code."""
    codes = sorted({item.code for item in diagnostics})
    driver: dict[str, Any] = {"name": "declare", "rules": [_rule(code, diagnostics) for code in codes]}
    if settings.version:
        driver["version"] = settings.version
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(item, codes.index(item.code)) for item in diagnostics],
    }
    return (
        json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, allow_nan=False) + "\n"
    )


def _rule(code: str, diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    """Describe a code from its catalogue page."""
    try:
        known = page(code)
    except LookupError:
        known = None
    diagnostic = next(item for item in diagnostics if item.code == code)
    summary = known.summary if known else diagnostic.title
    rule: dict[str, Any] = {
        "id": code,
        "name": diagnostic.name,
        "shortDescription": {"text": diagnostic.name.replace("-", " ")},
        "fullDescription": {"text": summary},
        "defaultConfiguration": {"level": _LEVELS[known.severity if known else diagnostic.severity]},
    }
    if known:
        rule["help"] = {"text": known.why, "markdown": known.text}
    return rule


def _result(diagnostic: Diagnostic, index: int) -> dict[str, Any]:
    """Return the SARIF result of a diagnostic; `--set` arguments are not files and appear only in the message."""
    message = "\n".join([diagnostic.title, *diagnostic.notes, *diagnostic.helps])
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": index,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": message},
        "partialFingerprints": {"declare/v1": diagnostic.fingerprint},
    }
    in_files = [label for label in diagnostic.labels if label.span.source.kind == "file"]
    if in_files:
        result["locations"] = [_location(in_files[0])]
    if len(in_files) > 1:
        result["relatedLocations"] = [
            _location(label, number) for number, label in enumerate(in_files[1:], 1)
        ]
    fixes = [_fix(fix) for fix in diagnostic.fixes if _in_files(fix)]
    if fixes:
        result["fixes"] = fixes
    return result


def _location(label: Label, number: int = 0) -> dict[str, Any]:
    place = {"artifactLocation": _artifact(label.span.source), "region": _region(label.span)}
    location: dict[str, Any] = {"physicalLocation": place}
    if number:
        location["id"] = number
    if label.text:
        location["message"] = {"text": label.text}
    return location


def _artifact(source: Source) -> dict[str, str]:
    """Return the path as a relative URI if it is relative."""
    path = PurePath(source.name)
    return {"uri": path.as_uri() if path.is_absolute() else quote(path.as_posix())}


def _region(span: Span) -> dict[str, int]:
    at = region(span)
    return {
        "startLine": at.line,
        "startColumn": at.column,
        "endLine": at.end_line,
        "endColumn": at.end_column,
    }


def _in_files(fix: Fix) -> bool:
    return bool(fix.edits) and all(edit.span.source.kind == "file" for edit in fix.edits)


def _fix(fix: Fix) -> dict[str, Any]:
    """Group the edits of a fix by file."""
    by_source: dict[Source, list[Edit]] = {}
    for edit in fix.edits:
        by_source.setdefault(edit.span.source, []).append(edit)
    changes = [
        {"artifactLocation": _artifact(source), "replacements": [_replacement(edit) for edit in edits]}
        for source, edits in by_source.items()
    ]
    return {"description": {"text": fix.title}, "artifactChanges": changes}


def _replacement(edit: Edit) -> dict[str, Any]:
    return {"deletedRegion": _region(edit.span), "insertedContent": {"text": edit.new_text}}
