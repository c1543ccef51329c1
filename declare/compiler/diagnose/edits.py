"""From proposed changes of values to edits of the text that state them."""

import re
from contextlib import suppress
from itertools import pairwise

from declare.contract.problem import Rewrite
from declare.diagnostics.diagnostic import Applicability, Edit, Fix, Span
from declare.language.document import Document, Node
from declare.language.yaml.scalars import OutOfRangeError, resolve
from declare.language.yaml.yaml_writer import RawYaml, flow


def fix(rewrite: Rewrite, document: Document) -> Fix | None:
    """Return the edits of a rewrite, or None if the text does not allow them (`--set`, variables).

    A fix that takes a value away is never safe, nor one that names what could not be read.
    """
    edits = _edits(rewrite, document)
    if not edits:
        return None
    gone = rewrite.key is None and rewrite.to is None and rewrite.value is None
    node = document.at(rewrite.path)
    removes = gone and not _is_null(node)
    unread = rewrite.key is not None and node is not None and node.poison and not node.entries
    is_safe = rewrite.safe and not removes and not unread
    applicability: Applicability = "safe" if is_safe else "unsafe"
    return Fix(rewrite.title, edits, applicability)


def _edits(rewrite: Rewrite, document: Document) -> tuple[Edit, ...]:
    """Return the edits of a rewrite; none if the text does not allow them."""
    if rewrite.to is not None:
        return _move(rewrite, rewrite.to, document)
    edit = _edit(rewrite, document)
    return () if edit is None else (edit,)


def _edit(rewrite: Rewrite, document: Document) -> Edit | None:
    node = document.at(rewrite.path)
    if rewrite.key is not None:
        return _rename(node, rewrite.key)
    if rewrite.value is None:
        return None if node is None else _remove(rewrite.path, node, document)
    if node is not None:
        return _replace(node, rewrite.value)
    return _insert(rewrite.path, rewrite.value, document)


def _move(rewrite: Rewrite, to: str, document: Document) -> tuple[Edit, ...]:
    """Rename a key and write its value again, or move it to another block, with its text unchanged."""
    node = document.at(rewrite.path)
    if node is None or node.key_span is None or not _writable(node):
        return ()
    home, new = _parent(rewrite.path, document), to.rpartition(".")
    if home == new[0]:
        value = () if rewrite.value is None else (_replace(node, rewrite.value),)
        edits = (_rename(node, new[2]), *value)
    else:
        written = RawYaml(node.span.text) if rewrite.value is None else rewrite.value
        if "\n" in node.span.text:
            return ()
        edits = (_remove(rewrite.path, node, document), _insert(to, written, document))
    changes = tuple(edit for edit in edits if edit is not None)
    apart = all(
        a.span.end <= b.span.start for a, b in pairwise(sorted(changes, key=lambda item: item.span.start))
    )
    return changes if len(changes) == len(edits) and apart else ()


def _is_null(node: Node | None) -> bool:
    return node is not None and node.kind == "scalar" and node.scalar is None


def _writable(node: Node) -> bool:
    return node.origin in {"written", "extends"} and node.span.source.kind == "file" and node.defined is None


def _rename(node: Node | None, key: str) -> Edit | None:
    if node is None or node.key_span is None or node.key_span.source.kind != "file":
        return None
    return Edit(node.key_span, key)


def _replace(node: Node, value: object) -> Edit | None:
    if not _writable(node):
        return None
    text = _to_yaml(node, value)
    if not node.span.text:
        return Edit(node.span, f" {text}")
    if node.kind != "scalar" and not _is_flow(node):
        return _replace_block(node, text)
    return Edit(node.span, text)


def _to_yaml(node: Node, value: object) -> str:
    """Return a value as YAML; a quoted number keeps its spelling."""
    text = node.scalar.strip() if isinstance(node.scalar, str) else ""
    if not isinstance(value, bool) and isinstance(value, int | float) and text:
        with suppress(OutOfRangeError):
            return text if resolve(text) == value else flow(value)
    return flow(value)


def _replace_block(node: Node, text: str) -> Edit | None:
    """Put a flow value after the key of what was a block."""
    if node.key_span is None or node.key_span.source is not node.span.source:
        return None
    between = node.span.source.text[node.key_span.end : node.span.start]
    if between.strip() != ":":
        return None
    return Edit(Span(node.span.source, node.key_span.end, node.span.end), f": {text}")


def _is_flow(node: Node) -> bool:
    return node.span.text[:1] in {"{", "["}


def _remove(path: str, node: Node, document: Document) -> Edit | None:
    parent = document.at(_parent(path, document))
    start = node.key_span or node.span
    if not _writable(node) or parent is None or start.source is not node.span.source:
        return None
    siblings = parent.items if parent.kind == "list" else list(parent.entries.values())
    if len(siblings) < 2:
        return None
    if parent.span.source is start.source and _is_flow(parent):
        return _remove_from_flow(start, node, parent)
    return _remove_lines(start, node)


def _remove_from_flow(start: Span, node: Node, parent: Node) -> Edit:
    """Take the entry and one comma: the one after it, or before it if it is the last."""
    text = start.source.text
    after = re.compile(r"\s*,[ \t]*").match(text, node.span.end, parent.span.end)
    if after is not None:
        return Edit(Span(start.source, start.start, after.end()), "")
    before = text.rfind(",", parent.span.start, start.start)
    begin = before if before >= 0 else start.start
    return Edit(Span(start.source, begin, node.span.end), "")


def _remove_lines(start: Span, node: Node) -> Edit | None:
    """Take whole lines, with the comment that follows on the last one."""
    text = start.source.text
    begin = text.rfind("\n", 0, start.start) + 1
    if text[begin : start.start].strip(" -"):
        return None
    if "-" in text[begin : start.start] and node.key_span is not None:
        return None  # the first key of a list item carries the dash
    end = text.find("\n", node.span.end)
    return Edit(Span(start.source, begin, end + 1 if end >= 0 else len(text)), "")


def _parent(path: str, document: Document) -> str:
    """Return the path of the map or list that holds `path`; keys may themselves hold dots."""
    end = path.rfind(".")
    while end >= 0:
        node = document.at(path[:end])
        if node is not None and node.child(path[end + 1 :]) is not None:
            return path[:end]
        end = path.rfind(".", 0, end)
    return ""


def _insert(path: str, value: object, document: Document) -> Edit | None:
    """Put a missing key after the last entry of the nearest block that exists."""
    if document.root is None:
        return None
    node, nearest = document.nearest(path)
    rest = path[len(nearest) :].lstrip(".")
    if not _writable(node) or not rest:
        return None
    key, *inner = rest.split(".")
    for name in reversed(inner):
        value = {name: value}
    if node.kind == "map" and node.entries:
        return _append(node, key, value)
    if node.kind == "scalar" and isinstance(node.scalar, str):
        return Edit(node.span, flow({"type": node.scalar, key: value}))
    if node.kind == "scalar" and node.scalar is None:
        return Edit(node.span, (" " if not node.span.text else "") + flow({key: value}))
    return Edit(node.span, flow({key: value})) if node.kind == "map" else None


def _begins_deeper(text: str, column: int) -> bool:
    """Return whether the first line of a text, comments left out, begins after a column, counted from 1."""
    lines = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))
    first = next(lines, "")
    return len(first) - len(first.lstrip()) >= max(column, 1)


def _append(node: Node, key: str, value: object) -> Edit | None:
    """Put the entry after the last one that this file wrote, indented as its siblings are."""
    entries = [
        item for item in node.entries.values() if item.key_span and item.span.source is node.span.source
    ]
    if not entries:
        return None
    last = max(entries, key=lambda item: item.span.end)
    source = node.span.source
    if _is_flow(node):
        return Edit(Span(source, last.span.end, last.span.end), f", {key}: {flow(value)}")
    assert last.key_span is not None
    _, column = source.position(last.key_span.start)
    end = source.text.find("\n", last.span.end)
    at = len(source.text) if end < 0 else end
    if _begins_deeper(source.text[at:], column):
        return None  # the unreadable part continues there
    if at > 0 and source.text[at - 1 : at] == "\r":
        at -= 1
    newline = "\r\n" if "\r\n" in source.text else "\n"
    return Edit(Span(source, at, at), f"{newline}{' ' * (column - 1)}{key}: {flow(value)}")
