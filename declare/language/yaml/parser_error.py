"""A parser error as a value, and its reading in words."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Trouble:
    """A parser error: its message, and offsets into `text` of its place and its context.

    `last` is the stretch of the last quoted scalar before the place, for quotes that close too late.
    """

    text: str
    problem: str
    place: int
    context: int | None
    last: tuple[int, int] | None = None

    @property
    def char(self) -> str:
        """The character at the place, empty at the end."""
        return self.text[self.place : self.place + 1]

    @property
    def line(self) -> tuple[int, int]:
        """Start and end of the line of the place."""
        start = self.text.rfind("\n", 0, self.place) + 1
        end = self.text.find("\n", self.place)
        return start, len(self.text) if end < 0 else end


@dataclass(frozen=True)
class Reading:
    """A complaint in words: the title, offsets of the culprit, its label, and the repairs."""

    title: str
    start: int
    end: int
    label: str
    help: str
    note: tuple[int, str] | None = None
    edits: tuple[tuple[int, int, str], ...] = ()
