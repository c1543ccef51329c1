"""From problems, stated in paths, to diagnostics with places in the text."""

from collections.abc import Iterator

from declare.compiler.diagnose.edits import fix
from declare.contract.problem import At, Problem
from declare.diagnostics.codes import make
from declare.diagnostics.diagnostic import Diagnostic, Label, Span
from declare.language.document import Document
from declare.system.secrets import hide_values


def diagnose(problem: Problem, document: Document) -> Diagnostic:
    """Return the diagnostic of a problem: its place first, then the places that it contradicts."""
    labels = list(_labels(problem, document))
    notes = list(map(hide_values, problem.notes))
    defined = _variable_span(problem, document)
    if defined is not None:
        labels.append(Label(defined, "the value comes from here"))
    fixes = [edit for rewrite in problem.rewrites if (edit := fix(rewrite, document)) is not None]
    return make(
        problem.code,
        hide_values(problem.title),
        labels=labels,
        path=problem.at,
        notes=notes,
        helps=tuple(map(hide_values, problem.helps)),
        fixes=fixes,
    )


def _labels(problem: Problem, document: Document) -> Iterator[Label]:
    span = place(document, problem.at, problem.on)
    if span is not None:
        yield Label(span, hide_values(problem.label))
    for path, text in problem.also.items():
        other = place(document, path)
        if other is not None and other != span:
            yield Label(other, hide_values(text))


def _variable_span(problem: Problem, document: Document) -> Span | None:
    """Return the span of the variable with the wrong value."""
    node = document.at(problem.at)
    return node.defined if node is not None and problem.on == "value" else None


def place(document: Document, path: str, on: At = "value") -> Span | None:
    """Return the smallest span that shows the value (or the key) at `path`, or its nearest ancestor's key.

    A map or list that goes over several lines is shown by its key.
    """
    if document.root is None:
        return Span(document.sources[0], 0, 0) if document.sources else None
    node, nearest = document.nearest(path)
    exact = nearest == path
    wide = node.kind != "scalar" and "\n" in node.span.text.rstrip()
    if node.key_span is not None and (not exact or on == "key" or wide or not node.span.text):
        return node.key_span
    if wide and node.entries:
        first = next(iter(node.entries.values()))
        return first.key_span or _line(node.span)
    return _line(node.span)


def _line(span: Span) -> Span:
    """Return the first line of a span."""
    text = span.text
    end = text.find("\n")
    return span if end < 0 else Span(span.source, span.start, span.start + end)
