"""`--set PATH=VALUE`: overrides from the command line, read and reported like a file."""

from dataclasses import dataclass
from pathlib import Path

from declare.contract.problem import cut_end
from declare.diagnostics.codes import make
from declare.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Source, Span
from declare.diagnostics.suggest import suggest
from declare.language.compose.extends import switch_note
from declare.language.document import Node, Text
from declare.language.yaml.parse_file import parse

# Sections that a spec may leave out because their defaults do: `--set` may start them.
OPTIONAL_SECTIONS = ("vars", "hardware", "tracking", "tune", "metrics", "expect")
# Sections of free names: a name that is not there is a slip, never a new entry.
_NAMED_SECTIONS = ("datasets", "model", "tasks", "phases")
_NOT_SETTABLE = ("extends",)


@dataclass(frozen=True)
class _Override:
    """One parsed argument: its segments with their spans, and the value."""

    source: Source
    segments: tuple[tuple[str, Span], ...]
    value: Node

    @property
    def path(self) -> str:
        return ".".join(name for name, _ in self.segments)

    def path_of_first(self, count: int) -> str:
        """Return the path of the first `count` segments."""
        return ".".join(name for name, _ in self.segments[:count])


class Overrides:
    """Applies `--set` arguments in order; collects their sources and findings."""

    def __init__(self, base: Path) -> None:
        self.sources: list[Source] = []
        self.diagnostics: list[Diagnostic] = []
        self._base = base

    def apply(self, root: Node, sets: list[str]) -> Node:
        """Return the tree with all arguments applied; those with a mistake are reported and left out."""
        for number, argument in enumerate(sets, 1):
            source = Source(f"--set #{number}", argument, "set")
            self.sources.append(source)
            override = self._read(source)
            if override is not None:
                root = self._set(root, override, 0) or root
        return root

    def _read(self, source: Source) -> _Override | None:
        """Split an argument into path and value."""
        text = source.text
        equals = text.find("=")
        target = text if equals < 0 else text[:equals]
        if equals < 0 or not text[equals + 1 :].strip():
            end = len(text) if equals < 0 else equals + 1
            title = (
                f"`{cut_end(text, 40)}` gives no value"
                if target.strip()
                else "`--set` without path and value"
            )
            return self._report_malformed(
                title, Span(source, 0, end), 'write PATH=VALUE; "" is the empty text'
            )
        segments = _segments(source, target)
        empty = next((span for name, span in segments if not name), None)
        if empty is not None:
            return self._report_malformed(
                "a part of the path is empty", empty, "write names with single dots"
            )
        if segments[0][0] in _NOT_SETTABLE:
            title = f"`{segments[0][0]}` cannot be set from the command line"
            return self._report_malformed(title, segments[0][1], "state it in the file")
        parsed = parse(source, Text(self._base, "set", equals + 1))
        self.diagnostics += parsed.diagnostics
        if parsed.node is None:
            return None
        return _Override(source, segments, parsed.node)

    def _report_malformed(self, title: str, span: Span, help_: str) -> _Override | None:
        """Report an argument that is not PATH=VALUE."""
        self.diagnostics.append(make("REF225", title, labels=[Label(span)], helps=[help_]))
        return None

    def _set(self, node: Node, override: _Override, depth: int) -> Node | None:
        """Return a copy of `node` with the value at its place below; None if the path leads nowhere."""
        name, key_span = override.segments[depth]
        if depth == len(override.segments) - 1:
            return self._put(node, name, key_span, override)
        if node.poison:
            return None
        child = node.child(name)
        if child is None or (child.kind == "scalar" and child.scalar is None and not child.poison):
            child = self._empty_block(node, override, depth)
        elif _short_form(child, depth):
            child = _long_form(child)
        elif child.kind == "scalar":
            self._no_block(child, override, depth)
            return None
        new = self._set(child, override, depth + 1) if child is not None else None
        return None if new is None else _with_child(node, name, new, key_span)

    def _put(self, node: Node, name: str, key_span: Span, override: _Override) -> Node | None:
        """Set the last segment."""
        value = override.value.with_key(key_span)
        if node.poison:
            return None
        if node.kind == "list":
            if name.isdecimal() and len(name) < 9 and int(name) <= len(node.items):
                return _with_child(node, name, value.with_key(None), key_span)
            self._unknown(node, override, len(override.segments) - 1)
            return None
        existing = node.child(name)
        if value.kind == "scalar" and value.scalar is None and existing is not None and not value.poison:
            return node.with_value({key: child for key, child in node.entries.items() if key != name})
        if name == "type" and existing is not None and len(override.segments) > 2:
            return self._switch(node, existing, value, override)
        if existing is not None and existing.kind == "map" and isinstance(value.scalar, str):
            self._note_short_form(existing, value, override)
        return _with_child(node, name, value, key_span)

    def _switch(self, node: Node, before: Node, after: Node, override: _Override) -> Node:
        """Replace a block whose type changes; only what other `--set` arguments put there stays."""
        if before.scalar == after.scalar or not isinstance(after.scalar, str):
            return _with_child(node, "type", after, override.segments[-1][1])
        kept = {key: child for key, child in node.entries.items() if child.origin == "set"}
        dropped = [key for key in node.entries if key != "type" and key not in kept]
        if dropped:
            at = override.path_of_first(len(override.segments) - 1)
            self.diagnostics.append(switch_note(before, after, after.scalar, dropped, at))
        return node.with_value(
            {"type": after, **{key: child for key, child in kept.items() if key != "type"}}
        )

    def _note_short_form(self, existing: Node, value: Node, override: _Override) -> None:
        """Note that `optimizer=adamw` drops the parameters of a block."""
        before = existing.entries.get("type")
        dropped = [key for key in existing.entries if key != "type"]
        if before is not None and dropped:
            note = switch_note(before, value, str(value.scalar), dropped, override.path)
            self.diagnostics.append(note)

    def _empty_block(self, node: Node, override: _Override, depth: int) -> Node | None:
        """Return an empty block for a part of the path that the spec leaves out, or report a slip."""
        name, span = override.segments[depth]
        above = override.path_of_first(depth)
        slip = suggest(name, node.entries) if node.kind == "map" else []
        unknown_section = depth == 0 and name not in OPTIONAL_SECTIONS
        unknown_name = depth == 1 and above in _NAMED_SECTIONS
        if node.kind == "list" or unknown_section or unknown_name or slip:
            self._unknown(node, override, depth)
            return None
        return Node("map", {}, override.value.span, span, "set", self._base)

    def _unknown(self, node: Node, override: _Override, depth: int) -> None:
        """Report a path that leads nowhere, with the nearest names that do."""
        name, span = override.segments[depth]
        above = override.path_of_first(depth)
        where = f"`{above}`" if above else "the spec"
        if node.kind == "list":
            title = f"{where} has {len(node.items)} items, no item `{cut_end(name, 40)}`"
            helps = [f"count from 0 to {len(node.items) - 1}" if node.items else "set the whole list"]
            self._report(title, span, node, override, helps)
            return
        near = suggest(name, node.entries)
        known = ", ".join(f"`{key}`" for key in list(node.entries)[:10]) or "nothing"
        helps = [
            f"did you mean {' or '.join(f'`{key}`' for key in near)}?" if near else f"it contains {known}"
        ]
        fixes = [Fix(f"write {near[0]}", (Edit(span, near[0]),), "display")] if near else []
        self._report(f"{where} has no `{cut_end(name, 40)}`", span, node, override, helps, fixes)

    def _no_block(self, child: Node, override: _Override, depth: int) -> None:
        """Report a path that continues below a single value."""
        if child.poison:
            return
        at = override.path_of_first(depth + 1)
        title = f"`{at}` is a single value, nothing can be set below it"
        self._report(title, override.segments[depth + 1][1], child, override, [f"set `{at}` itself"])

    def _report(
        self,
        title: str,
        span: Span,
        node: Node,
        override: _Override,
        helps: list[str],
        fixes: list[Fix] | None = None,
    ) -> None:
        labels = [Label(span, "leads nowhere")]
        place = node.key_span or node.span
        if place.source.kind == "file" and node.key_span is not None:
            labels.append(Label(place, "looked for in here"))
        self.diagnostics.append(
            make("REF220", title, labels=labels, path=override.path, helps=helps, fixes=fixes or ())
        )


def _segments(source: Source, target: str) -> tuple[tuple[str, Span], ...]:
    """Split the path at its dots, each part with its span, without blanks around it."""
    segments = []
    start = 0
    for part in target.split("."):
        inner = start + len(part) - len(part.lstrip())
        name = part.strip()
        end = inner + len(name) if name else start + len(part)
        segments.append((name, Span(source, inner if name else start, end)))
        start += len(part) + 1
    return tuple(segments)


def _short_form(child: Node, depth: int) -> bool:
    """Return whether a child may be a component in its short form: `schedule: cosine`."""
    return depth > 0 and child.kind == "scalar" and isinstance(child.scalar, str) and not child.poison


def _long_form(child: Node) -> Node:
    """Return the long form of a component: `schedule: {type: cosine}`."""
    entries = {"type": child.with_key(child.span)}
    return Node("map", entries, child.span, child.key_span, child.origin, child.base)


def _with_child(node: Node, name: str, child: Node, key_span: Span) -> Node:
    """Return a copy of a map or list with one child exchanged or added."""
    if node.kind == "list":
        items = list(node.items)
        items[int(name) : int(name) + 1] = [child]
        return node.with_value(items)
    known = node.entries.get(name)
    if child.key_span is None and known is not None:
        child = child.with_key(known.key_span)
    return node.with_value({**node.entries, name: child if child.key_span else child.with_key(key_span)})
