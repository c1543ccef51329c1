"""The parser's complaints in the user's words: which repair, and at which character."""

from collections.abc import Callable

import yaml

from declare.diagnostics.codes import make
from declare.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Source, Span
from declare.language.yaml import syntax_hints
from declare.language.yaml.parser_error import Reading, Trouble

_READERS: tuple[Callable[[Trouble], Reading | None], ...] = (
    syntax_hints.late_quote,  # a quote that closes too late explains whatever follows
    syntax_hints.tab,
    syntax_hints.reserved_character,
    syntax_hints.star,
    syntax_hints.escape,
    syntax_hints.open_bracket,
    syntax_hints.stray_bracket,
    syntax_hints.inner_quote,
    syntax_hints.tight_colon,  # before the general readings of a misplaced colon
    syntax_hints.second_colon,
    syntax_hints.lone_text,
    syntax_hints.inline_dash,
    syntax_hints.indentation,
    syntax_hints.after_the_end,
    syntax_hints.block_text,
    syntax_hints.tag_handle,
)


def trouble(error: yaml.MarkedYAMLError, text: str, last: tuple[int, int] | None) -> Trouble:
    """Return the message of a parser error, with its places inside the text."""
    mark, context = error.problem_mark, error.context_mark
    place = min(mark.index if mark else len(text), len(text))
    return Trouble(text, str(error.problem), place, min(context.index, len(text)) if context else None, last)


def read(at: Trouble) -> Reading:
    """Return the complaint in words; the first reader that recognises it wins."""
    for reader in _READERS:
        reading = reader(at)
        if reading is not None:
            return reading
    return syntax_hints.unknown(at)


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
