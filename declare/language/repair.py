"""Loading a spec as it is surely meant: past syntax errors with a safe fix, every place as in the text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from declare.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Source, Span
from declare.language.compose import load
from declare.language.document import Document, Node
from declare.language.fix import apply

_ROUNDS = 12


def load_repaired(
    path: str, sets: Sequence[str], environ: Mapping[str, str]
) -> tuple[Document, list[Diagnostic]]:
    """Return what `load` does, of the text with the safe fixes of its own syntax errors made.

    What such an error would hide is found as well; the errors themselves are among the findings.
    """
    document, found = load(path, sets, environ)
    source = next(iter(document.sources), None)
    edits: list[Edit] = []
    kept: list[Diagnostic] = []
    for _ in range(_ROUNDS if source is not None else 0):
        assert source is not None
        new = [item for item in found if _is_repaired(item, source, edits)]
        if not new:
            break
        kept += new
        edits += [edit for item in new for edit in item.fixes[0].edits]
        document, found = load(path, sets, environ, apply(source, edits))
        places = _Places(source, document.sources[0], edits)
        found = [places.diagnostic(item) for item in found]
        document = places.document(document)
    return document, [*kept, *found] if kept else found


def _is_repaired(item: Diagnostic, source: Source, edits: Iterable[Edit]) -> bool:
    """Return whether a finding is a syntax error of the text whose first fix is safe and apart from others."""
    if not item.code.startswith("SYN") or item.severity != "error" or not item.fixes:
        return False
    fix = item.fixes[0]
    inside = fix.applicability == "safe" and all(edit.span.source == source for edit in fix.edits)
    return inside and not any(
        new.span.start <= old.span.end and old.span.start <= new.span.end
        for new in fix.edits
        for old in edits
    )


@dataclass(frozen=True)
class _Places:
    """From places in the text with edits made to places in the text as written."""

    written: Source
    edited: Source
    edits: Sequence[Edit]

    def offset(self, place: int) -> int:
        """Return where a place of the edited text stood before."""
        shift = 0
        for edit in sorted(self.edits, key=lambda item: item.span.start):
            begin, end = edit.span.start + shift, edit.span.start + shift + len(edit.new_text)
            if place <= begin:
                break
            if place < end:
                return min(edit.span.start + place - begin, edit.span.end)
            shift += len(edit.new_text) - (edit.span.end - edit.span.start)
        return place - shift

    def span(self, span: Span) -> Span:
        """Return a span in the text as written."""
        if span.source is not self.edited:
            return span
        return Span(self.written, self.offset(span.start), self.offset(span.end))

    def diagnostic(self, item: Diagnostic) -> Diagnostic:
        """Return a finding with its labels and fixes in the text as written."""
        labels = tuple(Label(self.span(label.span), label.text) for label in item.labels)
        fixes = tuple(
            Fix(
                fix.title,
                tuple(Edit(self.span(edit.span), edit.new_text) for edit in fix.edits),
                fix.applicability,
            )
            for fix in item.fixes
        )
        return replace(item, labels=labels, fixes=fixes)

    def document(self, document: Document) -> Document:
        """Return a document whose nodes stand in the text as written."""
        seen: dict[int, Node] = {}
        root = None if document.root is None else self._node(document.root, seen)
        return replace(document, root=root, sources=(self.written, *document.sources[1:]))

    def _node(self, node: Node, seen: dict[int, Node]) -> Node:
        """Return a copy of a node and all below it; nodes that are shared stay so."""
        if id(node) in seen:
            return seen[id(node)]
        value = node.value
        if isinstance(value, dict):
            value = {key: self._node(child, seen) for key, child in value.items()}
        elif isinstance(value, list):
            value = [self._node(child, seen) for child in value]
        key_span, defined = (part and self.span(part) for part in (node.key_span, node.defined))
        seen[id(node)] = replace(
            node, value=value, span=self.span(node.span), key_span=key_span, defined=defined
        )
        return seen[id(node)]
