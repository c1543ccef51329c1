"""`declare fix`: applies the edits of findings to the text itself, so that all else stays as written."""

import difflib
import os
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from declare.diagnostics.diagnostic import Diagnostic, Edit, Fix, Source, Span
from declare.language.document import Text
from declare.language.yaml.parse_file import parse

_RANKS = {"error": 0, "warning": 1, "info": 2}


@dataclass(frozen=True)
class Change:
    """The change of one file: its source, the new text, and the applied fixes."""

    source: Source
    text: str
    applied: tuple[Fix, ...]

    @property
    def diff(self) -> str:
        """The change as a unified diff."""
        name = self.source.name.lstrip("/")
        before, after = (_lines(text) for text in (self.source.text, self.text))
        return "".join(difflib.unified_diff(before, after, f"a/{name}", f"b/{name}"))


@dataclass(frozen=True)
class Fixing:
    """The changes by file, and the fixes left out because they overlap others or would break a text."""

    changes: tuple[Change, ...]
    skipped: tuple[Fix, ...]


def fix(diagnostics: Iterable[Diagnostic], *, unsafe: bool = False, only: Source | None = None) -> Fixing:
    """Apply the first fitting fix of each finding, errors before warnings.

    Safe fixes only, unless `unsafe`; files only (a `--set` cannot be edited), and only the file `only` if
    it is given. Edits keep the line ends of their file. A fix that makes a file unreadable is left out.
    """
    allowed = ("safe", "unsafe") if unsafe else ("safe",)
    chosen: list[Fix] = []
    skipped: list[Fix] = []
    for diagnostic in sorted(diagnostics, key=lambda item: _RANKS[item.severity]):
        candidates = [
            fix for fix in diagnostic.fixes if fix.applicability in allowed and _editable(fix, only)
        ]
        free = [fix for fix in candidates if not any(_collide(fix, other) for other in chosen)]
        if free and _harmless(chosen, free[0]):
            chosen.append(free[0])
        else:
            skipped += candidates[:1]
    sources = dict.fromkeys(edit.span.source for fix in chosen for edit in fix.edits)
    changes = tuple(_change(source, chosen) for source in sources)
    return Fixing(changes, tuple(skipped))


def write(change: Change) -> None:
    """Put the new text in the place of the file, at once; a byte-order mark stays.

    Raises:
        OSError: The file cannot be written.
        ValueError: The file is not what was read any more.
    """
    path = Path(change.source.name)
    raw = path.read_bytes()
    if raw.decode("utf-8-sig") != change.source.text:
        raise ValueError(f"{path} has changed since it was read")
    mark = b"\xef\xbb\xbf" if raw.startswith(b"\xef\xbb\xbf") else b""
    target = path.resolve()
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(mark + change.text.encode())
        Path(name).chmod(target.stat().st_mode & 0o7777)
        Path(name).replace(target)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def apply(source: Source, edits: Sequence[Edit]) -> str:
    """Return the text of a source with edits applied from the end to the start.

    Raises:
        ValueError: Two edits overlap.
    """
    ordered = sorted(edits, key=lambda edit: (edit.span.start, edit.span.end), reverse=True)
    text = source.text
    limit = len(text)
    for edit in ordered:
        if edit.span.end > limit:
            raise ValueError(f"two edits overlap at offset {edit.span.end}")
        text = text[: edit.span.start] + _line_ends(source, edit.new_text) + text[edit.span.end :]
        limit = edit.span.start
    return text


def _change(source: Source, fixes: Sequence[Fix]) -> Change:
    """Return what all fixes together make of a file."""
    applied = tuple(fix for fix in fixes if any(edit.span.source is source for edit in fix.edits))
    return Change(source, apply(source, _edits(source, applied)), applied)


def _edits(source: Source, fixes: Iterable[Fix]) -> list[Edit]:
    return [edit for fix in fixes for edit in fix.edits if edit.span.source is source]


def _editable(fix: Fix, only: Source | None) -> bool:
    """Return whether all edits of a fix go into files that may be changed."""
    sources = {edit.span.source for edit in fix.edits}
    if not sources or any(source.kind != "file" for source in sources):
        return False
    return only is None or sources == {only}


def _collide(fix: Fix, other: Fix) -> bool:
    return any(_overlap(a.span, b.span) for a in fix.edits for b in other.edits)


def _overlap(a: Span, b: Span) -> bool:
    """Return whether two spans share text or the same place of insertion."""
    if a.source is not b.source:
        return False
    return (a.start < b.end and b.start < a.end) or a.start == b.start


def _harmless(chosen: Sequence[Fix], new: Fix) -> bool:
    """Return whether the files that a fix touches have no more errors in their text than before."""
    for source in {edit.span.source for edit in new.edits}:
        before = apply(source, _edits(source, chosen))
        after = apply(source, _edits(source, [*chosen, new]))
        if _errors(source.name, after) > _errors(source.name, before):
            return False
    return True


def _errors(name: str, text: str) -> int:
    """Count the errors of a text; one that cannot be read at all counts most."""
    parsed = parse(Source(name, text), Text(Path()))
    errors = sum(item.severity == "error" for item in parsed.diagnostics)
    return errors if parsed.node is not None else errors + 1_000


def _line_ends(source: Source, text: str) -> str:
    """Return inserted text with the line ends of the file."""
    if "\n" not in text or "\r\n" not in source.text:
        return text
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def _lines(text: str) -> list[str]:
    """Split a text for a diff; a last line without an end gets the mark that patch expects."""
    lines = [f"{line}\n" for line in text.split("\n")]
    last = lines.pop()
    return lines if last == "\n" else [*lines, f"{last}\\ No newline at end of file\n"]
