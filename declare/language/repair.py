"""Loading a spec as it is surely meant: past syntax errors with a safe fix, every place as in the text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from declare.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label, Source, Span
from declare.language.compose.compose import load
from declare.language.document import Document, Node
from declare.language.fix import apply

_ROUNDS = 12


def load_repaired(
    path: str, sets: Sequence[str], environ: Mapping[str, str]
) -> tuple[Document, list[Diagnostic]]:
    """Return the result of `load` on texts whose syntax errors have been corrected with safe fixes.

    What such an error would hide is found as well, in bases too; the errors themselves are among the findings.
    """
    document, diagnostics = load(path, sets, environ)
    texts = _Texts()
    texts.take(document)
    kept: list[Diagnostic] = []
    for _ in range(_ROUNDS):
        new = [item for item in diagnostics if texts.repairs(item)]
        if not new:
            break
        kept += new
        for item in new:
            texts.repair(item.fixes[0])
        document, diagnostics = load(path, sets, environ, texts.repaired_texts())
        places = texts.take(document)
        diagnostics = [places.diagnostic(item) for item in diagnostics]
        document = places.document(document)
    return document, [*kept, *diagnostics] if kept else diagnostics


class _Texts:
    """The files of a spec as written, by name, and what is to be changed in each."""

    def __init__(self) -> None:
        self._written: dict[str, Source] = {}
        self._edits: dict[str, list[Edit]] = {}

    def take(self, document: Document) -> "_Places":
        """Keep files that were not read before; return the way from a document's texts to those as written."""
        files = [source for source in document.sources if source.kind == "file"]
        for source in files:
            self._written.setdefault(source.name, source)
            self._edits.setdefault(source.name, [])
        return _Places({source: (self._written[source.name], self._edits[source.name]) for source in files})

    def repairs(self, item: Diagnostic) -> bool:
        """Return whether a finding is a syntax error whose first fix is safe and apart from others."""
        if not item.code.startswith("SYN") or item.severity != "error" or not item.fixes:
            return False
        edits = item.fixes[0].edits
        source = edits[0].span.source
        inside = item.fixes[0].applicability == "safe" and all(
            edit.span.source is source is self._written.get(source.name) for edit in edits
        )
        return inside and not any(
            new.span.start <= old.span.end and old.span.start <= new.span.end
            for new in edits
            for old in self._edits[source.name]
        )

    def repair(self, fix: Fix) -> None:
        """Make the change of a fix."""
        for edit in fix.edits:
            self._edits[edit.span.source.name].append(edit)

    def repaired_texts(self) -> dict[str, str]:
        """Return the texts of all files with the changes made."""
        return {name: apply(source, self._edits[name]) for name, source in self._written.items()}


@dataclass(frozen=True)
class _Places:
    """From places in edited texts to places in the original texts."""

    texts: Mapping[Source, tuple[Source, Sequence[Edit]]]

    def offset(self, place: int, edits: Sequence[Edit]) -> int:
        """Return the original offset of a place in an edited text."""
        shift = 0
        for edit in sorted(edits, key=lambda item: item.span.start):
            begin, end = edit.span.start + shift, edit.span.start + shift + len(edit.new_text)
            if place <= begin:
                break
            if place < end:
                return min(edit.span.start + place - begin, edit.span.end)
            shift += len(edit.new_text) - (edit.span.end - edit.span.start)
        return place - shift

    def span(self, span: Span) -> Span:
        """Return a span in the text as written."""
        if span.source not in self.texts:
            return span
        written, edits = self.texts[span.source]
        return Span(written, self.offset(span.start, edits), self.offset(span.end, edits))

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
        """Return a document whose nodes have the places of the original text."""
        seen: dict[int, Node] = {}
        root = None if document.root is None else self._node(document.root, seen)
        sources = tuple(self.texts[item][0] if item in self.texts else item for item in document.sources)
        return replace(document, root=root, sources=sources)

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
