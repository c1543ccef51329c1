"""Diagnostics for people: the source line, the message, and the fix."""

import textwrap
from collections.abc import Iterable, Iterator, Sequence

from declare.diagnostics.diagnostic import Diagnostic, Fix, Label, Source
from declare.diagnostics.excerpt import Excerpt, excerpt
from declare.diagnostics.output import Settings, counts, printable, region

_STYLES = {
    "error": "1;31",
    "warning": "1;33",
    "info": "1;36",
    "gutter": "1;34",
    "second": "1;34",
    "title": "1",
    "added": "32",
    "removed": "31",
}
_MOST_CHANGED_LINES = 6


def render(diagnostics: Sequence[Diagnostic], settings: Settings) -> str:
    """Return the findings one below the other, then their count; nothing if there are none."""
    if not diagnostics:
        return ""
    drawings = [_Drawing(item, settings).draw() for item in diagnostics[: settings.cap]]
    hidden = diagnostics[settings.cap :]
    if hidden:
        drawings.append(
            f"... and {len(hidden)} more findings ({_count_text(hidden)}); --format concise lists all\n"
        )
    drawings.append(f"{_count_text(diagnostics)}\n")
    return "\n".join(drawings)


def _count_text(diagnostics: Sequence[Diagnostic]) -> str:
    """Return "2 errors, 1 warning"."""
    names = {"error": "error", "warning": "warning", "info": "note"}
    parts = [(number, names[severity]) for severity, number in counts(diagnostics).items() if number]
    return ", ".join(f"{number} {name}{'s' if number > 1 else ''}" for number, name in parts)


class _Drawing:
    """Draws one finding."""

    def __init__(self, diagnostic: Diagnostic, settings: Settings) -> None:
        self._diagnostic = diagnostic
        self._settings = settings
        lines = [region(label.span).line for label in diagnostic.labels]
        self._gutter = len(str(max(lines, default=1)))

    def draw(self) -> str:
        """Return the headline, the excerpts and the advice."""
        lines = [*self._headline(), *self._excerpts(), *self._advice()]
        return "".join(line.rstrip() + "\n" for line in lines)

    def _paint(self, text: str, style: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self._settings.colour and text else text

    def _headline(self) -> Iterator[str]:
        item = self._diagnostic
        word = {"info": "note"}.get(item.severity, item.severity)
        title = self._paint(f": {printable(item.title)}", "title")
        yield self._paint(f"{word}[{item.code}]", item.severity) + title

    def _excerpts(self) -> Iterator[str]:
        """Draw the labels file by file, the primary one's first."""
        by_source: dict[Source, list[Label]] = {}
        for label in self._diagnostic.labels:
            by_source.setdefault(label.span.source, []).append(label)
        for number, (source, labels) in enumerate(by_source.items()):
            at = region(labels[0].span)
            arrow = "-->" if number == 0 else ":::"
            place = f"{printable(source.name)}:{at.line}:{at.column}"
            yield f"{' ' * self._gutter}{self._paint(arrow, 'gutter')} {place}"
            yield self._bar("")
            yield from self._lines(source, labels)

    def _lines(self, source: Source, labels: list[Label]) -> Iterator[str]:
        """Draw the lines of one file that carry labels, with a gap between lines that do not follow."""
        by_line: dict[int, list[Label]] = {}
        for label in labels:
            by_line.setdefault(region(label.span).line, []).append(label)
        previous = None
        for number in sorted(by_line):
            if previous is not None and number > previous + 1:
                yield self._paint("...", "gutter")
            yield from self._line(source, number, by_line[number])
            previous = number

    def _line(self, source: Source, number: int, labels: list[Label]) -> Iterator[str]:
        """Draw one line and its labels, from left to right."""
        text = source.line(number)
        start = source.line_starts[number - 1]
        most = max(self._settings.width - self._gutter - 3, 20)
        first = labels[0].span
        shown = excerpt(text, first.start - start, first.end - start, most)
        yield self._bar(shown.text, number)
        for label in sorted(labels, key=lambda label: label.span.start):
            yield self._underline(shown, label, label.span.start - start, label.span.end - start)

    def _underline(self, shown: Excerpt, label: Label, start: int, end: int) -> str:
        primary = label is self._diagnostic.primary
        at, width = shown.underline(start, end)
        mark = ("^" if primary else "-") * width
        line = self._paint(
            f"{mark} {printable(label.text)}", self._diagnostic.severity if primary else "second"
        )
        return self._bar(" " * at + line)

    def _bar(self, text: str, number: int | None = None) -> str:
        label = "" if number is None else str(number)
        return f"{self._paint(f'{label:>{self._gutter}} |', 'gutter')} {text}"

    def _advice(self) -> Iterator[str]:
        """Write notes, helps, and fixes with the lines that they change."""
        item = self._diagnostic
        titles = [fix.title for fix in item.fixes]
        for note in item.notes:
            yield from self._wrap_sentence("note", note)
        for text in item.helps:
            if text not in titles and text != " or ".join(titles):
                yield from self._wrap_sentence("help", text)
        for fix in item.fixes:
            yield from self._wrap_sentence(
                {"safe": "fix", "unsafe": "unsafe fix"}.get(fix.applicability, "try"), fix.title
            )
            yield from self._change(fix)

    def _wrap_sentence(self, word: str, text: str) -> Iterator[str]:
        """Wrap a sentence behind its word."""
        head = f"{' ' * self._gutter} {self._paint('=', 'gutter')} {self._paint(word, 'title')}: "
        indent = self._gutter + len(word) + 5
        wrapped = textwrap.wrap(printable(text), max(self._settings.width - indent, 20)) or [""]
        yield head + wrapped[0]
        yield from (" " * indent + line for line in wrapped[1:])

    def _change(self, fix: Fix) -> Iterator[str]:
        """Show the lines that a fix takes out and puts in."""
        removed, added = changed_lines(fix)
        if not fix.edits or len(removed) + len(added) > _MOST_CHANGED_LINES:
            return
        most = max(self._settings.width - self._gutter - 7, 20)
        pad = " " * (self._gutter + 3)
        for sign, lines, style in (("-", removed, "removed"), ("+", added, "added")):
            for line in lines:
                yield self._paint(f"{pad}{sign} {excerpt(line, 0, 0, most).text}", style)


def changed_lines(fix: Fix) -> tuple[list[str], list[str]]:
    """Return the lines before and after a fix; nothing for one that touches several files."""
    sources = {edit.span.source for edit in fix.edits}
    if len(sources) != 1:
        return [], []
    source = sources.pop()
    first = min(source.position(edit.span.start)[0] for edit in fix.edits)
    last = max(source.position(edit.span.end)[0] for edit in fix.edits)
    start = source.line_starts[first - 1]
    end = source.line_starts[last] if last < len(source.line_starts) else len(source.text)
    new = _apply_edits(source.text, start, end, ((e.span.start, e.span.end, e.new_text) for e in fix.edits))
    return _split(source.text[start:end]), _split(new)


def _split(text: str) -> list[str]:
    return [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")] if text else []


def _apply_edits(text: str, start: int, end: int, edits: Iterable[tuple[int, int, str]]) -> str:
    """Return the stretch of a text with edits inside of it applied."""
    parts: list[str] = []
    position = start
    for left, right, new in sorted(edits):
        parts += [text[position:left], new]
        position = max(right, position)
    return "".join([*parts, text[position:end]])
