"""The diagnostic: one finding with its code, its place in the source, and what to do about it."""

import hashlib
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

Severity = Literal["error", "warning", "info"]
Applicability = Literal["safe", "unsafe", "display"]


@dataclass(frozen=True, eq=False)
class Source:
    """A text that values come from: a file, a `--set` argument, an environment variable.

    `name` is what the user sees (the path as given, `--set #1`); `text` is without a byte-order mark.
    """

    name: str
    text: str
    kind: Literal["file", "set", "env"] = "file"

    @cached_property
    def line_starts(self) -> list[int]:
        """Offsets at which lines start."""
        return [0, *(i + 1 for i, char in enumerate(self.text) if char == "\n")]

    def position(self, offset: int) -> tuple[int, int]:
        """Return the 1-based line and column (in code points) of `offset`."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return the text of the 1-based line `number`, without its line end."""
        start = self.line_starts[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else len(self.text)].rstrip("\r")


@dataclass(frozen=True)
class Span:
    """A stretch of a source: code-point offsets, `end` exclusive."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        """The text that the span covers."""
        return self.source.text[self.start : self.end]


@dataclass(frozen=True)
class Label:
    """A span with a text of at most eight words."""

    span: Span
    text: str = ""


@dataclass(frozen=True)
class Edit:
    """Replace the span's text by `new_text` (an empty span inserts)."""

    span: Span
    new_text: str


@dataclass(frozen=True)
class Fix:
    """A change that removes the finding; `safe` ones keep the meaning that the user had in mind."""

    title: str
    edits: tuple[Edit, ...]
    applicability: Applicability = "safe"


@dataclass(frozen=True)
class Diagnostic:
    """One finding.

    `labels[0]` is the primary label if there is one; the others show what it contradicts.
    `path` is the dotted path of the value in the composed spec. `name` and the default severity come from
    the catalogue page of `code`.
    """

    code: str
    name: str
    severity: Severity
    title: str
    labels: tuple[Label, ...] = ()
    path: str = ""
    notes: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()
    fixes: tuple[Fix, ...] = field(default=())

    @property
    def primary(self) -> Label | None:
        """Return the label at the place of the defect."""
        return self.labels[0] if self.labels else None

    @property
    def fingerprint(self) -> str:
        """A hash that survives edits elsewhere in the file: code, path and title."""
        return hashlib.sha256(f"{self.code}\0{self.path}\0{self.title}".encode()).hexdigest()
