"""One function per kind of syntax error: each returns a description of the mistake, or None if it is another kind."""

import re

from declare.contract.problem import cut_end
from declare.language.yaml.parser_error import Reading, Trouble

_TIGHT_KEY = re.compile(r"^[ ]*(?:- )?([A-Za-z_][\w-]*):(?=[^\s:/])", re.MULTILINE)


def late_quote(at: Trouble) -> Reading | None:
    """Read a quote that is never closed, or closed only by the opening quote of a later value."""
    if "end of stream" in at.problem and at.context is not None:
        quote = _first_open_quote(at)
        return _open_quote(at, quote)
    if at.last is not None and "\n" in at.text[at.last[0] : at.last[1]] and at.place <= at.last[1] + 1:
        return _open_quote(at, at.last[0])
    return None


def _first_open_quote(at: Trouble) -> int:
    """Return the quote to blame at the end of the text: an earlier one if pairs were crossed."""
    assert at.context is not None
    if at.last is not None and "\n" in at.text[at.last[0] : at.last[1]]:
        return at.last[0]
    return at.context


def _open_quote(at: Trouble, start: int) -> Reading:
    quote = at.text[start]
    return Reading(
        f"quote {quote} is not closed on its line",
        start,
        start + 1,
        "opened here",
        f"close the text with {quote}, on the same line",
    )


def inner_quote(at: Trouble) -> Reading | None:
    """Read text behind a closed quote: `'it's'`."""
    if at.last is None or "\n" in at.text[at.last[1] : at.place] or not _expected_key(at):
        return None
    quote = at.text[at.last[0]]
    if at.char in "]}":
        return None
    repair = (
        "write '' for a quote inside of '...'" if quote == "'" else 'write \\" for a quote inside of "..."'
    )
    return Reading(
        "text continues after the closing quote",
        at.place,
        _word_end(at),
        "this is outside of the quotes",
        repair,
        (at.last[0], "the quoted text starts here"),
    )


def _expected_key(at: Trouble) -> bool:
    return "expected key" in at.problem or "<block end>" in at.problem


def _word_end(at: Trouble) -> int:
    match = re.compile(r"[^\s,\]}]+").match(at.text, at.place)
    return match.end() if match else at.place + 1


def open_bracket(at: Trouble) -> Reading | None:
    """Read a list or map in brackets that is not closed."""
    match = re.search(r"expected ',' or '([\]}])'", at.problem)
    if match is None or at.context is None:
        return None
    opening = at.text[at.context]
    same_line = "\n" not in at.text[at.context : at.place].rstrip()
    if same_line and at.place < len(at.text) and at.char != "\n":
        return Reading(
            f"expected `,` or `{match[1]}` here",
            at.place,
            _word_end(at),
            "a comma or a bracket is missing before",
            f"separate the items with a comma, or close with `{match[1]}`",
            (at.context, f"`{opening}` opens here"),
        )
    return Reading(
        f"`{opening}` is never closed",
        at.context,
        at.context + 1,
        "opened here",
        f"close it with `{match[1]}`",
    )


def stray_bracket(at: Trouble) -> Reading | None:
    """Read a closing bracket that nothing opened."""
    if at.char not in ("]", "}"):
        return None
    return Reading(
        f"`{at.char}` closes nothing",
        at.place,
        at.place + 1,
        "no bracket is open here",
        "remove the bracket, or put the text in quotes",
    )


def tab(at: Trouble) -> Reading | None:
    """Read a tab where indentation belongs."""
    if at.char != "\t" and "tab" not in at.problem:
        return None
    end = at.place
    while at.text[end : end + 1] == "\t":
        end += 1
    spaces = "  " * max(end - at.place, 1)
    return Reading(
        "the indentation has a tab",
        at.place,
        max(end, at.place + 1),
        "YAML wants spaces here",
        "indent with two spaces for each tab",
        None,
        ((at.place, end, spaces),) if end > at.place else (),
    )


def reserved_character(at: Trouble) -> Reading | None:
    """Read a value that starts with `@`, `%` or a backtick."""
    if "cannot start any token" not in at.problem:
        return None
    line_end = at.line[1]
    stop = re.compile(r"[,\]}\n\r]| #").search(at.text, at.place)
    end = max(min(stop.start() if stop else line_end, line_end), at.place + 1)
    word = at.text[at.place : end].rstrip()
    edits = () if '"' in word or "\\" in word else ((at.place, at.place + len(word), f'"{word}"'),)
    return Reading(
        "a value cannot start with a backtick"
        if at.char == "`"
        else f"a value cannot start with `{at.char}`",
        at.place,
        at.place + 1,
        "this character is reserved",
        "put the value in quotes",
        None,
        edits,
    )


def star(at: Trouble) -> Reading | None:
    """Read `*.weight` or `&` without a name: meant as text."""
    if "alphabetic or numeric" not in at.problem or at.context is None:
        return None
    sign = at.text[at.context]
    match = re.compile(r"[^\s,\]}#]+").match(at.text, at.context)
    end = match.end() if match else at.context + 1
    word = at.text[at.context : end]
    meaning = "refers to an anchor" if sign == "*" else "names an anchor"
    return Reading(
        f"`{word}` starts with `{sign}`, which {meaning} in YAML",
        at.context,
        end,
        "an anchor's name must follow",
        "put the text in quotes",
        None,
        () if '"' in word or "\\" in word else ((at.context, end, f'"{word}"'),),
    )


def tight_colon(at: Trouble) -> Reading | None:
    """Read `lr:1e-3`, on the line of the place or one of the two before it."""
    if not any(
        part in at.problem for part in ("mapping values", "expected ':'", "expected key", "<block end>")
    ):
        return None
    start = at.text.rfind("\n", 0, max(at.line[0] - 1, 0)) + 1
    match = _TIGHT_KEY.search(at.text, start, at.line[1])
    if match is None:
        return None
    return Reading(
        f"`{match[1]}:` needs a space after the colon",
        match.start(1),
        match.end(),
        "reads as text, not as a key",
        "write a space after the colon",
        None,
        ((match.end(), match.end(), " "),),
    )


def second_colon(at: Trouble) -> Reading | None:
    """Read `title: a: b` and `a: 1` followed by a deeper key."""
    if "mapping values" not in at.problem:
        return None
    start, end = at.line
    before = at.text[start : at.place]
    value = re.match(r"[ ]*(?:- )?[^\s:]+:[ ]+(?=\S)", before)
    if value is not None and before[value.end() - 1 :].strip():
        tail = at.text[start + value.end() : end].split(" #")[0].rstrip()
        edits = (
            ()
            if '"' in tail or "\\" in tail or tail[0] in "'[{&*!|>"
            else ((start + value.end(), start + value.end() + len(tail), f'"{tail}"'),)
        )
        return Reading(
            "the value contains a second `: `",
            at.place,
            at.place + 1,
            "this colon would start another map",
            "put the value in quotes, or start a new line for the inner key",
            None,
            edits,
        )
    return Reading(
        "this key is indented below a value that is already complete",
        start + len(before) - len(before.lstrip()),
        at.place,
        "unexpected key",
        "indent it like the key above, or remove the value of the key above",
    )


def lone_text(at: Trouble) -> Reading | None:
    """Read a line that is neither key nor value."""
    if "expected ':'" not in at.problem or at.context is None:
        return None
    end = at.text.find("\n", at.context)
    end = len(at.text) if end < 0 else end
    word = at.text[at.context : end].rstrip()
    parts = re.fullmatch(r"([A-Za-z_]\w*) +(\S.*)", word)
    meant = f"{parts[1]}: {cut_end(parts[2], 30)}" if parts else "key: value"
    return Reading(
        f"`{cut_end(word, 30)}` is neither a key nor part of a value",
        at.context,
        at.context + max(len(word), 1),
        "a colon is missing",
        f"write `{meant}`, or indent the text to continue the value above",
    )


def inline_dash(at: Trouble) -> Reading | None:
    """Read `key: - item`."""
    if "sequence entries" not in at.problem:
        return None
    return Reading(
        "a list item cannot start on the line of its key",
        at.place,
        at.place + 1,
        "this dash starts a list item",
        "start a new line before `-`, or write the list in brackets: [a, b]",
    )


def indentation(at: Trouble) -> Reading | None:
    """Read a line whose indentation fits no open map or list."""
    if not _expected_key(at) and "'-' indicator" not in at.problem:
        return None
    end = _word_end(at)
    return Reading(
        f"the indentation of `{cut_end(at.text[at.place : end], 30)}` matches nothing above",
        at.place,
        end,
        "neither inside nor beside the keys above",
        "indent it exactly like the keys that it belongs with",
    )


def escape(at: Trouble) -> Reading | None:
    """Read a backslash that starts no escape."""
    if "escape" not in at.problem or at.context is None:
        return None
    slash = at.text.rfind("\\", at.context, at.place + 1)
    slash = at.place if slash < 0 else slash
    word = at.text[slash : slash + 2]
    return Reading(
        f"`{word}` is not an escape in double quotes",
        slash,
        slash + 2,
        "unknown escape",
        "write \\\\ for a backslash, or use single quotes",
    )


def after_the_end(at: Trouble) -> Reading | None:
    """Read text behind a closed document."""
    if "document start" not in at.problem:
        return None
    return Reading(
        "text follows after the end of the document",
        at.place,
        _word_end(at),
        "the document ended above",
        "remove it, or check the brackets above",
    )


def tag_handle(at: Trouble) -> Reading | None:
    """Read a tag with a prefix that is not declared."""
    if "tag" not in at.problem or at.char != "!":
        return None
    return Reading(
        "tags have no meaning in a spec",
        at.place,
        _word_end(at),
        "tags are not allowed",
        "remove the tag, or put the text in quotes",
    )


def block_text(at: Trouble) -> Reading | None:
    """Read text right behind `|` or `>`."""
    if "comment or line break" not in at.problem and "indentation indicator" not in at.problem:
        return None
    return Reading(
        "text follows `|` or `>` on the same line",
        at.place,
        _word_end(at),
        "the text starts on the next line",
        "start a new line after the sign, or put the value in quotes",
    )


def unknown(at: Trouble) -> Reading:
    """Fall back on the parser's own words."""
    return Reading(
        f"not valid YAML: {cut_end(at.problem, 60)}",
        at.place,
        max(_word_end(at), at.place + 1),
        "the parser stopped here",
        "check quotes, brackets and indentation around this place",
        (at.context, "while reading this") if at.context is not None and at.context < at.place else None,
    )
