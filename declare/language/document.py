"""The composed tree: every value of a spec with the place where it was written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from declare.contract.problem import key_path
from declare.diagnostics.diagnostic import Source, Span

Kind = Literal["map", "list", "scalar"]
Origin = Literal["written", "extends", "var", "env", "set", "default"]
Scalar = bool | int | float | str | None


@dataclass(slots=True, eq=False)
class Node:
    """A value and its place.

    `span` covers the value as written (an empty one if nothing follows the colon); `key_span` covers its
    key in a map. `base` is the folder that relative paths in the value start from. `poison` marks a value
    that already has an error, so that later passes stay silent about it. `defined` is the place of the
    variable that an interpolation took its value from. Nodes are shared (anchors, composition): code that
    changes a tree copies the nodes on the way.
    """

    kind: Kind
    value: Scalar | dict[str, Node] | list[Node]
    span: Span
    key_span: Span | None = None
    origin: Origin = "written"
    base: Path = field(default_factory=Path)
    poison: bool = False
    defined: Span | None = None

    @property
    def entries(self) -> dict[str, Node]:
        """The children by key; empty unless this is a map."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def items(self) -> list[Node]:
        """The children in order; empty unless this is a list."""
        return self.value if isinstance(self.value, list) else []

    @property
    def scalar(self) -> Scalar:
        """The Python value of a scalar; None for maps and lists."""
        return None if isinstance(self.value, dict | list) else self.value

    def child(self, segment: str) -> Node | None:
        """Return the entry or the list item that `segment` names."""
        if isinstance(self.value, list):
            index = int(segment) if segment.isdecimal() and len(segment) < 9 else len(self.value)
            return self.value[index] if index < len(self.value) else None
        return self.entries.get(segment)

    def with_key(self, key_span: Span | None) -> Node:
        """Return a copy under another key."""
        return Node(
            self.kind, self.value, self.span, key_span, self.origin, self.base, self.poison, self.defined
        )

    def with_value(self, value: dict[str, Node] | list[Node]) -> Node:
        """Return a copy with other children."""
        return Node(
            self.kind, value, self.span, self.key_span, self.origin, self.base, self.poison, self.defined
        )


@dataclass(frozen=True)
class Text:
    """What the values of a text must know: their folder, their origin, their offset in the source."""

    base: Path
    origin: Origin = "written"
    shift: int = 0
    others: int = 0
    """Values that the other texts of the spec hold."""


@dataclass(frozen=True, eq=False)
class Document:
    """A spec after composition.

    `root` is None if nothing could be read. `sources` starts with the spec itself, then come the bases
    and the `--set` arguments. `complete` is False if a part could not be read (a missing base, a section
    with a syntax error outside the root map), so that a missing key means nothing.
    """

    root: Node | None
    sources: tuple[Source, ...]
    path: Path = field(default_factory=Path)
    complete: bool = True

    def at(self, path: str) -> Node | None:
        """Return the node at a dotted path (list items by index); keys may themselves hold dots."""
        node, rest = self._descend(path)
        return None if rest else node

    def nearest(self, path: str) -> tuple[Node, str]:
        """Return the deepest existing ancestor of `path` (or its own node) and that node's path.

        Raises:
            LookupError: The document is empty.
        """
        node, rest = self._descend(path)
        if node is None:
            raise LookupError("the document has no tree")
        parent = path[: len(path) - len(rest)] if rest else path
        return node, parent.rstrip(".")

    def span(self, path: str, on: Literal["value", "key"] = "value") -> Span | None:
        """Return the span of the key at `path`; that of the value if it has no key."""
        node = self.at(path)
        if node is None:
            return None
        return node.key_span or node.span if on == "key" else node.span

    def plain(self, path: str = "", poison: object = None) -> object:
        """Return the tree at `path` as dicts, lists and scalars, with `poison` for what failed.

        Raises:
            LookupError: No value is at `path`.
        """
        node = self.at(path)
        if node is None:
            raise LookupError(f"there is no value at {path!r}")
        return plain(node, poison)

    def walk(self) -> Iterator[tuple[str, Node]]:
        """Yield each path with its node, parents first, in the order written."""
        if self.root is not None:
            yield from walk(self.root)

    def _descend(self, path: str) -> tuple[Node | None, str]:
        """Follow `path` as far as possible; return the last node and the rest of the path."""
        node, rest = self.root, path
        while node is not None and rest:
            step = _step(node, rest)
            if step is None:
                break
            node, rest = step
        return node, rest


def _step(node: Node, rest: str) -> tuple[Node, str] | None:
    """Take the shortest key of `node` that `rest` starts with."""
    end = rest.find(".")
    while 0 <= end < len(rest) - 1:
        child = node.child(rest[:end])
        if child is not None:
            return child, rest[end + 1 :]
        end = rest.find(".", end + 1)
    child = node.child(rest)
    return (child, "") if child is not None else None


def plain(node: Node, poison: object = None) -> object:
    """Return `node` as dicts, lists and scalars, with `poison` for what failed."""
    if node.poison:
        return poison
    if isinstance(node.value, dict):
        return {key: plain(child, poison) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(child, poison) for child in node.value]
    return node.value


def walk(node: Node, path: str = "") -> Iterator[tuple[str, Node]]:
    """Yield each path below `path` with its node, parents first."""
    yield path, node
    named = node.entries.items() if node.kind == "map" else ((str(i), c) for i, c in enumerate(node.items))
    for name, child in named:
        yield from walk(child, key_path(path, name))
