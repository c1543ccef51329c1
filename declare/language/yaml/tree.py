"""Builds the tree of a YAML text from parser events, counting before it allocates."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import yaml

from declare.diagnostics.codes import make
from declare.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Source, Span
from declare.language.document import Node, Text
from declare.language.yaml.recovery import Omissions
from declare.language.yaml.scalars import OutOfRangeError, ambiguity, resolve

MAX_DEPTH = 64
MAX_NODES = 100_000
MAX_EXPANDED = 200_000
# Noncharacters that stand in for what the parser must not see, one for one so that offsets stay: nothing
# (where an escape gave way to a shorter text), and line breaks of YAML 1.1 that are characters in YAML 1.2.
FILLER = "\ufdd0"
MASK = {0x85: 0xFDD1, 0x2028: 0xFDD2, 0x2029: 0xFDD3}
_UNMASK = {0xFDD0: None, **{stand_in: char for char, stand_in in MASK.items()}}
_LONG = 1000  # characters of a text that count as one more value where an alias repeats it
_MAX_WARNINGS = 100
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)+")
_TIGHT = re.compile(r"[A-Za-z_][\w-]*:[^\s/]")


class LimitError(Exception):
    """The text is larger than any spec may be; nothing of it is kept."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.title)
        self.diagnostic = diagnostic


def _unmask(value: str) -> str:
    """Return a text without placeholders."""
    return value if value.isascii() else value.translate(_UNMASK)


@dataclass(slots=True)
class _Anchor:
    """What an anchor stands for; None while it is still open."""

    node: Node | None
    size: int = 1
    height: int = 1


@dataclass(slots=True)
class _Frame:
    """A map or list being read: `key` waits for its value, `size` and `height` count what it holds."""

    kind: str
    start: int
    anchor: str | None
    poison: bool
    as_key: bool = False
    entries: dict[str, Node] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)
    key: str | None = None
    key_span: Span | None = None
    skip: bool = False
    size: int = 1
    height: int = 1
    end: int = 0


class TreeBuilder:
    """Builds a tree from the events of a YAML stream: `root`, with poison for `blanked` values, and `diagnostics`."""

    def __init__(self, source: Source, text: Text, blanked: Omissions | None = None) -> None:
        self.source = source
        self.base = text.base
        self.origin = text.origin
        self.root: Node | None = None
        self.diagnostics: list[Diagnostic] = []
        self.complete = True  # False if an entry of the root map was left out
        self.last_quoted: tuple[int, int] | None = None
        self._shift = text.shift
        self._blanked = blanked or Omissions()
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Anchor] = {}
        self._who = "the spec and its bases have" if text.others else "the text holds"
        self._nodes = self.values = text.others  # of these, aliases count as what they stand for
        self._warnings = 0
        self._documents = 0
        self._handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.DocumentStartEvent: self._document,
        }

    def take(self, event: Any) -> None:
        """Add one event.

        Raises:
            LimitError: The text goes beyond a limit.
        """
        handler = self._handlers.get(type(event))
        if handler is not None and (self._documents <= 1 or handler == self._document):
            handler(event)

    def _document(self, event: Any) -> None:
        """Count documents: only the first is read, a second is reported."""
        self._documents += 1
        if self._documents == 2:
            span = self._span(event.start_mark.index, event.start_mark.index + 3)
            self.diagnostics.append(
                make(
                    "SYN014",
                    "a second document starts in the file",
                    labels=[Label(span, "only one spec per file")],
                    helps=["put the second document into its own file"],
                )
            )

    def _span(self, start: int, end: int) -> Span:
        return Span(self.source, start + self._shift, end + self._shift)

    def _place(self, event: Any) -> tuple[int, int]:
        """Return the offsets of a value without its tag, its anchor and trailing blank lines."""
        start, end = event.start_mark.index, event.end_mark.index
        text = self.source.text
        if getattr(event, "tag", None) is not None or event.anchor is not None:
            match = _PROPERTIES.match(text, start + self._shift, end + self._shift)
            start = match.end() - self._shift if match else start
        style = getattr(event, "style", None)
        if style in ("|", ">"):
            end = start + len(text[start + self._shift : end + self._shift].rstrip())
        return start, end

    def _count(self, event: Any) -> None:
        """Count a node against the limits.

        Raises:
            LimitError: One node too many.
        """
        self._nodes += 1
        self.values += 1
        if self._nodes > MAX_NODES:
            span = self._span(event.start_mark.index, event.start_mark.index + 1)
            raise LimitError(
                make(
                    "SYN010",
                    f"{self._who} more than {MAX_NODES:,} values",
                    labels=[Label(span, "the first value too many")],
                    helps=["keep data in its own files and name them in a source"],
                )
            )

    def _scalar(self, event: Any) -> None:
        self._count(event)
        frame = self._stack[-1] if self._stack else None
        if event.style in ("'", '"'):
            self.last_quoted = (event.start_mark.index, event.end_mark.index)
        if frame is not None and frame.kind == "map" and frame.key is None:
            self._key(frame, event)
            return
        span = self._span(*self._place(event))
        value = _unmask(event.value)
        size = 1 + len(value) // _LONG
        node = Node("scalar", value, span, None, self.origin, self.base)
        if event.tag is not None:
            self._tag(event, node)
        elif event.style in (None, ""):
            self._plain(node)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchor(node, size)
        self._add(node, size, 1)

    def _plain(self, node: Node) -> None:
        """Give a plain scalar its value."""
        text = str(node.value)
        try:
            node.value = resolve(text)
        except OutOfRangeError:
            node.poison = True
            title = f"`{text if len(text) <= 30 else text[:27] + '...'}` is beyond the range of numbers"
            label = Label(node.span, "becomes infinite or zero" if len(text) < 300 else "too many digits")
            helps = ["write .inf for infinity, or put it in quotes if it is text"]
            self.diagnostics.append(make("SYN017", title, labels=[label], helps=helps))
            return
        other = ambiguity(text)
        if other is not None and self._warnings < _MAX_WARNINGS:
            self._warnings += 1
            self._warn(node, text, other)

    def _warn(self, node: Node, text: str, other: Any) -> None:
        """Report a scalar that YAML 1.1 tools read otherwise."""
        fixes = [Fix(f"write {other.safe}", (Edit(node.span, other.safe),))]
        if other.other is not None:
            fixes.append(Fix(f"write {other.other}", (Edit(node.span, other.other),), "unsafe"))
        more = self._warnings == _MAX_WARNINGS
        self.diagnostics.append(
            make(
                "SYN003",
                f"`{text}` is {other.ours} here, but {other.theirs} in YAML 1.1",
                labels=[Label(node.span, "ambiguous")],
                notes=["further scalars of this kind are not listed"] if more else (),
                helps=[" or ".join(fix.title for fix in fixes)],
                fixes=fixes,
            )
        )

    def _tag(self, event: Any, node: Node) -> None:
        """Report a tag; its value is poisoned, since its meaning is unknown."""
        node.poison = True
        start = event.start_mark.index
        match = re.compile(r"(?:&\S*\s+)?(!\S*)").match(self.source.text, start + self._shift)
        written = match[1] if match else "!"
        begin = (match.start(1) if match else start + self._shift) - self._shift
        self.diagnostics.append(
            make(
                "SYN013",
                f"the tag `{written[:40]}` has no meaning in a spec",
                labels=[Label(self._span(begin, begin + len(written)), "tags are not allowed")],
                helps=["remove the tag: types follow from the spec language"],
            )
        )

    def _key(self, frame: _Frame, event: Any) -> None:
        """Take a scalar as the key of the map that is open."""
        span = self._span(*self._place(event))
        if event.tag is not None:
            self._tag(event, Node("scalar", None, span))
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchor(
                Node("scalar", event.value, span, None, self.origin, self.base)
            )
        if event.value == "<<" and event.style in (None, ""):
            self._skip(frame)
            self.diagnostics.append(
                make(
                    "SYN016",
                    "`<<` is not a merge key in YAML 1.2",
                    labels=[Label(span, "merges nothing")],
                    helps=["write the keys out, use an anchor for the whole value, or `extends` for a file"],
                )
            )
        frame.key, frame.key_span = _unmask(event.value), span

    def _open(self, event: Any) -> None:
        """Start a map or a list."""
        self._count(event)
        if len(self._stack) >= MAX_DEPTH:
            raise self._too_deep(event.start_mark.index)
        kind = "map" if isinstance(event, yaml.MappingStartEvent) else "list"
        parent = self._stack[-1] if self._stack else None
        as_key = parent is not None and parent.kind == "map" and parent.key is None
        start, _ = self._place(event)
        self._stack.append(_Frame(kind, start, event.anchor, event.tag is not None, as_key, end=start))
        if event.tag is not None:
            self._tag(event, Node("scalar", None, self._span(start, start)))
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchor(None)

    def _close(self, event: Any) -> None:
        """Finish the map or list that is open."""
        frame = self._stack.pop()
        flow = event.end_mark.index > event.start_mark.index
        end = event.end_mark.index if flow else max(frame.end, frame.start)
        value = frame.entries if frame.kind == "map" else frame.items
        kind = "map" if frame.kind == "map" else "list"
        node = Node(kind, value, self._span(frame.start, end), None, self.origin, self.base, frame.poison)  # type: ignore[arg-type]
        if frame.anchor is not None:
            self._anchors[frame.anchor] = _Anchor(node, frame.size, frame.height)
        if frame.as_key:
            self._complex_key(self._stack[-1], node)
        else:
            self._add(node, frame.size, frame.height)

    def _complex_key(self, frame: _Frame, node: Node) -> None:
        """Report a map or list in the place of a key, and skip the entry."""
        span = node.span
        jinja = self.source.text.startswith("{{", max(span.start - 1, 0))
        help_ = "write ${vars.NAME} for a variable" if jinja else "put the key in quotes"
        label = Label(span, "keys are plain names")
        title = f"a {node.kind} is used as a key"
        self.diagnostics.append(make("SYN015", title, labels=[label], helps=[help_]))
        frame.key, frame.key_span = "", span
        self._skip(frame)

    def _skip(self, frame: _Frame) -> None:
        """Leave out the entry that follows; what its map holds is then unknown."""
        frame.skip = True
        if len(self._stack) > 1:
            frame.poison = True
        else:
            self.complete = False

    def _alias(self, event: Any) -> None:
        """Put in what an anchor stands for."""
        self._count(event)
        span = self._span(event.start_mark.index, event.end_mark.index)
        frame = self._stack[-1] if self._stack else None
        if frame is not None and frame.kind == "map" and frame.key is None:
            self._complex_key(frame, Node("scalar", None, span))
            return
        anchored = self._anchors.get(event.anchor)
        if anchored is None or anchored.node is None:
            if anchored is not None or event.anchor not in self._blanked.anchors:
                self._bad_alias(event.anchor, span, known=anchored is not None)
            self._add(Node("scalar", None, span, None, self.origin, self.base, poison=True), 1, 1)
            return
        self.values += anchored.size - 1
        if self.values > MAX_EXPANDED:
            title = f"aliases expand the text to more than {MAX_EXPANDED:,} values"
            label = Label(span, "expands beyond the limit")
            helps = ["write the values out, or remove them; a long text counts as several"]
            raise LimitError(make("SYN011", title, labels=[label], helps=helps))
        if len(self._stack) + anchored.height > MAX_DEPTH:
            raise self._too_deep(event.start_mark.index)
        self._add(anchored.node.with_key(None), anchored.size, anchored.height, end=event.end_mark.index)

    def _bad_alias(self, name: str, span: Span, *, known: bool) -> None:
        """Report an alias to nothing, or to the value that contains it."""
        if known:
            title = f"`*{name}` is inside the value that it refers to"
            helps = ["write the value out"]
            self.diagnostics.append(
                make("SYN012", title, labels=[Label(span, "refers to itself")], helps=helps)
            )
            return
        text = f'"*{name}"'
        self.diagnostics.append(
            make(
                "SYN018",
                f"there is no anchor `&{name}` before `*{name}`",
                labels=[Label(span, "refers to nothing")],
                helps=[f"write {text} if you mean a pattern"],
                fixes=[Fix(f"write {text}", (Edit(span, text),), "unsafe")],
            )
        )

    def _too_deep(self, index: int) -> LimitError:
        title = f"values are nested more than {MAX_DEPTH} deep"
        label = Label(self._span(index, index + 1), "one level too many")
        return LimitError(make("SYN009", title, labels=[label], helps=["flatten the structure"]))

    def _add(self, node: Node, size: int, height: int, end: int | None = None) -> None:
        """Put a finished node where it belongs."""
        if not self._stack:
            self.root = node
            return
        frame = self._stack[-1]
        frame.size += size
        frame.height = max(frame.height, height + 1)
        frame.end = max(frame.end, node.span.end - self._shift if end is None else end)
        if frame.kind == "list":
            frame.items.append(node)
            return
        key, frame.key = frame.key, None
        assert key is not None
        node.key_span = frame.key_span
        assert node.key_span is not None
        node.poison = node.poison or node.key_span.start - self._shift in self._blanked.keys
        if frame.skip:
            frame.skip = False
        else:
            key = self._without_space(key, node)
            before = frame.entries.get(key)
            frame.entries[key] = node if before is None else self._duplicate(key, before, node)

    def _without_space(self, key: str, node: Node) -> str:
        """Report `{lr:1e-3}`, which reads as the key `lr:1e-3` without a value; return the key that is meant."""
        span, key_span = node.span, node.key_span
        if span.start != span.end or key_span is None or not _TIGHT.match(key_span.text):
            return key
        node.poison = True
        meant = key[: key.index(":")]
        colon = key_span.start + len(meant) + 1
        node.key_span = Span(self.source, key_span.start, colon - 1)
        title = f"`{meant}:` needs a space after the colon"
        fix = Fix("write a space after the colon", (Edit(Span(self.source, colon, colon), " "),))
        label = Label(key_span, "reads as one name")
        self.diagnostics.append(make("SYN001", title, labels=[label], helps=[fix.title], fixes=[fix]))
        return meant

    def _duplicate(self, key: str, first: Node, second: Node) -> Node:
        """Report a duplicate key; of two maps all entries are kept, so that nothing seems missing."""
        assert first.key_span is not None
        assert second.key_span is not None
        labels = [Label(second.key_span, "given again here"), Label(first.key_span, "first given here")]
        title = f"key `{key}` is given twice in the same map"
        self.diagnostics.append(make("SYN002", title, labels=labels, helps=["keep one of them"]))
        if first.kind == second.kind == "map":
            return first.with_value({**second.entries, **first.entries})
        poisoned = first.with_key(first.key_span)
        poisoned.poison = True
        return poisoned
