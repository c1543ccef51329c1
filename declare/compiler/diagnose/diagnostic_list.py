"""The diagnostics of a spec: one for each cause at each place."""

from collections.abc import Container, Iterator
from dataclasses import replace

from declare.compiler.reports import Assumption, Retraction
from declare.diagnostics.diagnostic import Diagnostic, Span


class DiagnosticList:
    """What was reported so far; there may be many thousands."""

    def __init__(self) -> None:
        self._diagnostics: list[Diagnostic] = []
        self._by_path: dict[str, list[int]] = {}
        self._assumed: set[str] = set()
        self._repaired: set[str] = set()

    def __iter__(self) -> Iterator[Diagnostic]:
        """Iterate over the diagnostics in the order in which they came."""
        return iter(self._diagnostics)

    @property
    def errors(self) -> list[Diagnostic]:
        """The diagnostics that keep a plan from being made."""
        return [item for item in self._diagnostics if item.severity == "error"]

    def wrong_parts(self, path: str) -> set[str]:
        """Return the parts of the dataset at `path` with errors: its keys, or the names of single fields."""
        parts = set()
        for error in self.errors:
            if error.path.startswith(f"{path}.") and error.path not in self._repaired:
                key, _, rest = error.path.removeprefix(f"{path}.").partition(".")
                parts.add(f"fields.{rest.partition('.')[0]}" if key == "fields" and rest else key)
        return parts

    def add(self, new: Diagnostic) -> None:
        """Add a diagnostic, unless its place has one of this code, or an error while this is a warning.

        A value that stays wrong as it is surely meant has one diagnostic, whose fixes are not safe then.
        """
        for index in self._by_path.get(new.path, ()):
            old = self._diagnostics[index]
            if new.path in self._assumed and old.code != new.code:
                self._diagnostics[index] = _unsafe(old)
                self._repaired.discard(new.path)
                return
            if old.code == new.code or (old.severity == "error" and new.severity != "error"):
                return
            if new.severity == "error" and old.severity != "error":
                self._diagnostics[index] = new
                return
        self._append(new)

    def _append(self, new: Diagnostic) -> None:
        if new.path:
            self._by_path.setdefault(new.path, []).append(len(self._diagnostics))
        self._diagnostics.append(new)

    def assume(self, assumption: Assumption) -> None:
        """Count an error as repaired, and the value that passes see in its place as assumed."""
        self._repaired.add(assumption.path)
        if assumption.value is not None:
            self._assumed.add(assumption.value)

    def remove(self, retraction: Retraction) -> None:
        """Take back diagnostics."""
        left = [item for item in self._diagnostics if not _is_at(item, retraction.code, retraction.spans)]
        self._diagnostics, self._by_path = [], {}
        for item in left:
            self._append(item)


def _is_at(item: Diagnostic, code: str, spans: Container[Span | None]) -> bool:
    return item.code == code and item.primary is not None and item.primary.span in spans


def _unsafe(diagnostic: Diagnostic) -> Diagnostic:
    """Return a diagnostic with no fix that is applied without being asked for."""
    fixes = (
        replace(fix, applicability="unsafe") if fix.applicability == "safe" else fix
        for fix in diagnostic.fixes
    )
    return replace(diagnostic, fixes=tuple(fixes))
