"""From file to tree: reads the text, parses it under limits, and continues after mistakes."""

import os
import re
import select
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from declare.diagnostics.codes import make
from declare.diagnostics.diagnostic import Diagnostic, Label, Source, Span
from declare.diagnostics.suggest import did_you_mean
from declare.language.document import Node, Text
from declare.language.yaml.recovery import Omissions
from declare.language.yaml.syntax import diagnose, read, trouble
from declare.language.yaml.tree import FILLER, MASK, LimitError, TreeBuilder

MAX_BYTES = 1_000_000
PIPE_SECONDS = 30.0
"""How long a pipe may take until it has given all of a spec."""
_PIPE_BYTES, _PIPE_WAIT = 1 << 16, 0.02
_MAX_REPAIRS, _MAX_REPAIRS_OF_LARGE, _LARGE = 60, 12, 50_000
# What YAML allows in a text at all; everything else is a control character or half of a surrogate pair.
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]",
)
# JSON writes a character beyond U+FFFF as two escapes, which YAML does not know.
_PAIR = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class ParsedText:
    """The tree of one text; None if nothing could be read. `complete`: no unnamed part is missing."""

    node: Node | None
    diagnostics: list[Diagnostic]
    complete: bool = True
    size: int = 0
    """How many values it holds."""
    limited: bool = False
    """Whether it holds more than any spec may."""


def open_source(path: Path, name: str, at: Label | None = None) -> Source | Diagnostic:
    """Return the text of a file, or why it cannot be read; `at` is the place that names the file."""
    labels = [at] if at else []
    try:
        if at is not None:
            _refuse_pipes(path)
        real(path).as_posix().encode()  # plans keep paths as text
        raw = _bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        return _missing(path, name, labels)
    except (OSError, ValueError) as error:
        return make(
            "SYN005", f"cannot read `{name}`: {_reason(error)}", labels=labels, helps=[_remedy(path, error)]
        )
    if len(raw) > MAX_BYTES:
        title = f"`{name}` is larger than {MAX_BYTES // 1_000_000} MB"
        return make(
            "SYN008", title, labels=labels, helps=["keep data in its own files and name them in a source"]
        )
    return _decode(raw, name, labels)


def _refuse_pipes(path: Path) -> None:
    """Raise OSError for a pipe or a device that a spec names: reading it might never end."""
    if not stat.S_ISREG(path.stat().st_mode) and not path.is_dir():
        raise OSError(0, "it is not a regular file")


def _bytes(path: Path) -> bytes:
    """Return the first bytes of a file, one more than a spec may have."""
    if stat.S_ISFIFO(path.stat().st_mode):
        return _read_pipe(path)
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _read_pipe(path: Path) -> bytes:
    """Read a pipe to its end (`<(program)`); raises OSError if nothing, or no end, comes in time."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    until = time.monotonic() + PIPE_SECONDS
    raw = b""
    try:
        while len(raw) <= MAX_BYTES:
            if time.monotonic() > until:
                raise OSError(0, f"it is a pipe that nothing has ended within {PIPE_SECONDS:g} seconds")
            try:
                part = os.read(handle, _PIPE_BYTES)
            except BlockingIOError:
                part = None
            if part == b"" and (raw or _has_ended(handle)):
                break
            raw += part or b""
            if not part:
                time.sleep(_PIPE_WAIT)  # a named pipe without a writer cannot be waited for
    finally:
        os.close(handle)
    return raw


def _has_ended(handle: int) -> bool:
    """Whether a pipe had a writer, which has gone."""
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    return any(event & select.POLLHUP for _, event in poll.poll(0))


def folder_of(path: Path) -> Path:
    """Return the folder that relative paths in a spec start from: for a pipe, that of the call."""
    return real(Path()) if path.is_fifo() else real(path.parent)


def _missing(path: Path, name: str, labels: list[Label]) -> Diagnostic:
    """Report a file that is not there, with the specs that are."""
    try:
        there = sorted(
            entry.name for entry in path.parent.iterdir() if entry.suffix in (".yaml", ".yml", ".json")
        )
    except OSError:
        there = []
    near = did_you_mean(path.name, there)
    listed = ", ".join(f"`{other}`" for other in there[:3])
    helps = [near or (f"the folder contains {listed}" if listed else "check the path")]
    return make("SYN004", f"no file `{name}`", labels=labels, helps=helps)


def _reason(error: Exception) -> str:
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    if isinstance(error, UnicodeEncodeError):
        return "its path is not UTF-8"
    return (error.strerror or "unknown reason").lower() if isinstance(error, OSError) else str(error)


def _remedy(path: Path, error: Exception) -> str:
    if isinstance(error, IsADirectoryError):
        return f"name a file in it, for instance {path / 'spec.yaml'}"
    return "check the path and its permissions"


def _decode(raw: bytes, name: str, labels: list[Label]) -> Source | Diagnostic:
    """Decode UTF-8 (a byte-order mark is dropped), or report what the bytes look like instead."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        position = f"byte {error.start} is 0x{raw[error.start]:02x}"
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            position = "it looks like UTF-16"
        title = f"`{name}` is not UTF-8 text: {position}"
        return make("SYN006", title, labels=labels, helps=["save the file as UTF-8"])
    if "\0" in text:
        title = f"`{name}` is a binary file: it contains NUL bytes"
        return make("SYN006", title, labels=labels, helps=["name a text file in YAML or JSON"])
    return Source(name, text)


def real(path: Path) -> Path:
    """Return the absolute path without links; unlike `resolve`, a loop of links is left as it is."""
    return Path(os.path.realpath(path))


def parse(source: Source, text: Text) -> ParsedText:
    """Return the tree of a source with all that is wrong in it.

    After a syntax error the smallest block around it is left out (its key stays, poisoned); the rest is read.
    """
    content = source.text[text.shift :]
    strange = _UNPRINTABLE.search(content)
    if strange is not None:
        return ParsedText(None, [_control(source, strange.start() + text.shift)])
    content = _PAIR.sub(_join_surrogates, content if content.isascii() else content.translate(MASK))
    diagnostics: list[Diagnostic] = []
    blanked = Omissions()
    for _ in range(_rounds(text, content)):
        builder = TreeBuilder(source, text, blanked)
        try:
            _feed(builder, content)
            return _build_tree(builder, diagnostics, blanked, text)
        except LimitError as limit:
            return ParsedText(None, [*diagnostics, limit.diagnostic], complete=False, limited=True)
        except yaml.MarkedYAMLError as error:
            at = trouble(error, content, builder.last_quoted)
        if beyond := _limit_before(at.place, source, text, content):
            return ParsedText(None, [*diagnostics, beyond], complete=False, limited=True)
        reading = read(at)
        if not blanked.holds(reading.start):
            diagnostics.append(diagnose(source, reading, text.shift))
        content = blanked.leave_out(content, reading.start)
        if not content:
            break
    return ParsedText(None, diagnostics, complete=False)


def _rounds(text: Text, content: str) -> int:
    """Return how often a text is read; one inside another has no blocks to leave out."""
    return 1 if text.shift else _MAX_REPAIRS_OF_LARGE if len(content) > _LARGE else _MAX_REPAIRS


def _build_tree(
    builder: TreeBuilder, diagnostics: list[Diagnostic], blanked: Omissions, text: Text
) -> ParsedText:
    """Return what was read, with what was wrong with it and what was left out."""
    root = _with_lost(builder.root, blanked.top, builder)
    complete = blanked.complete and builder.complete and root is not None
    return ParsedText(
        root, _in_order([*diagnostics, *builder.diagnostics]), complete, builder.values - text.others
    )


def _join_surrogates(pair: re.Match[str]) -> str:
    """Return the character of a surrogate pair, filled up to the same length so that offsets stay."""
    char = chr(0x10000 + ((int(pair[1], 16) - 0xD800) << 10) + int(pair[2], 16) - 0xDC00)
    return char + FILLER * (len(pair[0]) - 1)


def _feed(builder: TreeBuilder, content: str) -> None:
    """Give the parser's events to the builder, until the first document ends."""
    for event in _events(content):
        builder.take(event)


def _limit_before(place: int, source: Source, text: Text, content: str) -> Diagnostic | None:
    """Return the limit that the text crosses before a syntax error, or None.

    The scanner reads far ahead of the events, and some versions of it have their own limit of nesting.
    """
    try:
        _feed(TreeBuilder(source, text), content[:place])
    except LimitError as limit:
        return limit.diagnostic
    except yaml.MarkedYAMLError:
        return None
    return None


def _events(content: str) -> Iterator[Any]:
    loader = _LOADER(content)
    try:
        while loader.check_event():
            yield loader.get_event()
    finally:
        loader.dispose()


def _control(source: Source, offset: int) -> Diagnostic:
    """Report a character that no YAML text may hold."""
    char = source.text[offset]
    return make(
        "SYN001",
        f"the text contains the control character U+{ord(char):04X}",
        labels=[Label(Span(source, offset, offset + 1), "not allowed in YAML")],
        helps=["remove it, or write it as an escape in double quotes"],
    )


def _with_lost(root: Node | None, lost: list[tuple[str, int, int]], builder: TreeBuilder) -> Node | None:
    """Put a poisoned entry in the place of each block that was left out."""
    if not lost:
        return root
    if root is not None and root.kind != "map":
        return root
    entries = dict(root.entries) if root is not None else {}
    for key, start, end in lost:
        span = Span(builder.source, start, end)
        entries.setdefault(key, Node("scalar", None, span, span, builder.origin, builder.base, poison=True))
    if root is not None:
        return root.with_value(entries)
    return Node("map", entries, Span(builder.source, 0, 0), None, builder.origin, builder.base)


def _in_order(diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """Sort findings of one text by their place."""
    return sorted(diagnostics, key=lambda item: item.primary.span.start if item.primary else -1)


def display_name(path: str | os.PathLike[str]) -> str:
    """Return a path as the user gave it, without needless `./` and `..`."""
    return os.path.normpath(os.fspath(path))
