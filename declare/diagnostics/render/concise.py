"""One line per finding: file, line, column, severity, code, title."""

from collections.abc import Sequence

from declare.diagnostics.diagnostic import Diagnostic
from declare.diagnostics.output import Settings, printable, region


def render(diagnostics: Sequence[Diagnostic], settings: Settings) -> str:  # noqa: ARG001  # one signature for all formats
    """Return `spec.yaml:5:38: error[LOS401] class-count-mismatch: title` for each finding."""
    return "".join(f"{_place(item)}{_headline(item)}\n" for item in diagnostics)


def _place(diagnostic: Diagnostic) -> str:
    if diagnostic.primary is None:
        return ""
    at = region(diagnostic.primary.span)
    return f"{printable(at.file)}:{at.line}:{at.column}: "


def _headline(diagnostic: Diagnostic) -> str:
    return f"{diagnostic.severity}[{diagnostic.code}] {diagnostic.name}: {printable(diagnostic.title)}"
