"""Workflow commands that GitHub shows as annotations next to changed lines."""

from collections.abc import Sequence

from declare.diagnostics.diagnostic import Diagnostic
from declare.diagnostics.output import Settings, printable, region

# GitHub shows this many annotations of a kind for a step and drops the others.
_SHOWN = 10
_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(diagnostics: Sequence[Diagnostic], settings: Settings) -> str:  # noqa: ARG001  # one signature for all formats
    """Return at most ten commands per severity; the last one counts the others."""
    lines: list[str] = []
    for severity in _COMMANDS:
        items = [item for item in diagnostics if item.severity == severity]
        more = len(items) - _SHOWN
        for number, item in enumerate(items[:_SHOWN], 1):
            extra = f" (and {more} more {severity}s)" if more > 0 and number == _SHOWN else ""
            lines.append(_command(item, extra))
    return "".join(line + "\n" for line in lines)


def _command(diagnostic: Diagnostic, extra: str) -> str:
    """Return one workflow command; columns are left out if the place covers several lines."""
    properties = [("title", f"declare ({diagnostic.code} {diagnostic.name})"), *_place(diagnostic)]
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties)
    helps = [f"help: {text}" for text in diagnostic.helps]
    message = "\n".join([diagnostic.title + extra, *_secondary_labels(diagnostic), *diagnostic.notes, *helps])
    return f"::{_COMMANDS[diagnostic.severity]} {listed}::{_data(message)}"


def _place(diagnostic: Diagnostic) -> list[tuple[str, str]]:
    primary = diagnostic.primary
    if primary is None or primary.span.source.kind != "file":
        return []
    at = region(primary.span)
    place = [("file", at.file), ("line", str(at.line))]
    if at.line != at.end_line:
        return [*place, ("endLine", str(at.end_line))]
    return [*place, ("endLine", str(at.line)), ("col", str(at.column)), ("endColumn", str(at.end_column))]


def _secondary_labels(diagnostic: Diagnostic) -> list[str]:
    """Return the secondary labels, which an annotation cannot point at."""
    places = [(region(label.span), label.text) for label in diagnostic.labels[1:]]
    return [f"{at.file}:{at.line}:{at.column}: {text}" for at, text in places]


def _data(text: str) -> str:
    """Escape a message; line breaks stay, other control characters are shown."""
    shown = "\n".join(printable(line) for line in text.split("\n"))
    return shown.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
