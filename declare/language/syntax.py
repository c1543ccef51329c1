"""The parser's complaints in the user's words: which repair, and at which character."""

from __future__ import annotations

from collections.abc import Callable

import yaml

from declare.diagnostics.codes import make
from declare.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Source, Span
from declare.language import readings
from declare.language.trouble import Reading, Trouble

_READERS: tuple[Callable[[Trouble], Reading | None], ...] = (
    readings.late_quote,  # a quote that closes too late explains whatever follows
    readings.tab,
    readings.reserved,
    readings.star,
    readings.escape,
    readings.open_bracket,
    readings.stray_bracket,
    readings.inner_quote,
    readings.tight_colon,  # before the general readings of a misplaced colon
    readings.second_colon,
    readings.lone_text,
    readings.inline_dash,
    readings.indentation,
    readings.after_the_end,
    readings.block_text,
    readings.tag_handle,
)


def trouble(error: yaml.MarkedYAMLError, text: str, last: tuple[int, int] | None) -> Trouble:
    """Return what a parser error says, with its places inside the text."""
    mark, context = error.problem_mark, error.context_mark
    place = min(mark.index if mark else len(text), len(text))
    return Trouble(text, str(error.problem), place, min(context.index, len(text)) if context else None, last)


def read(at: Trouble) -> Reading:
    """Return the complaint in words; the first reader that recognises it wins."""
    for reader in _READERS:
        reading = reader(at)
        if reading is not None:
            return reading
    return readings.unknown(at)


def diagnose(source: Source, reading: Reading, shift: int) -> Diagnostic:
    """Return SYN001 for a reading whose offsets start at `shift` of the source."""

    def span(start: int, end: int) -> Span:
        return Span(source, start + shift, min(end + shift, len(source.text)))

    labels = [Label(span(reading.start, reading.end), reading.label)]
    if reading.note is not None:
        labels.append(Label(span(reading.note[0], reading.note[0] + 1), reading.note[1]))
    edits = tuple(Edit(span(start, end), new) for start, end, new in reading.edits)
    return make(
        "SYN001",
        reading.title,
        labels=labels,
        helps=[reading.help],
        fixes=[Fix(reading.help, edits)] if edits else (),
    )
